/** The page of `emplace scan --html` in a browser: Chromium, headless, without a network. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { testWith } from '@emplace/fixtures/jest';
import type { ScanReport } from '@emplace/fsprobe';
import { afterAll, describe, expect } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { renderPage } from '../../packages/cli/src/render/scan/page.ts';
import { aReport, busyReport, hostileReport } from '../../packages/cli/test/scan-reports.ts';
import { emplace } from './running.ts';

/** Pictures of the page, for a person to look at. */
const artefacts = fileURLToPath(new URL('../artefacts', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';
const LIMIT_MS = 120_000;

let browser: Promise<Browser> | undefined;

afterAll(async () => {
  await (await browser)?.close();
});

/** What a page did besides being shown. */
interface Opened {
  readonly page: Page;
  readonly requests: string[];
  readonly messages: string[];
}

async function withPage(
  source: ScanReport | string,
  act: (opened: Opened, work: TemporaryDirectory) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  // The sandbox of Chromium refuses root, who runs tests in a container.
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  using work = temporaryDirectory();
  const path = work.at('scan.html');
  writeFileSync(path, typeof source === 'string' ? source : renderPage(source, { hostname: 'web-04.example.net' }));
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  try {
    const page = await context.newPage();
    const opened: Opened = { page, requests: [], messages: [] };
    page.on('request', (request) => opened.requests.push(request.url()));
    page.on('console', (message) => opened.messages.push(message.text()));
    page.on('pageerror', (error) => opened.messages.push(error.message));
    page.on('dialog', (dialog) => {
      opened.messages.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(pathToFileURL(path).href);
    await act(opened, work);
    expect(opened.messages).toEqual([]);
    expect(opened.requests.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(path).href]);
  } finally {
    await context.close();
  }
}

function browserTest(name: string, body: () => Promise<void>): void {
  testWith({ tools: [CHROMIUM] }, name, body, LIMIT_MS);
}

const visible = '#findings tbody tr:not([hidden])';

/** Of each row that is shown, the text of one column. */
async function column(page: Page, at: number): Promise<string[]> {
  const cells = await page.locator(`${visible} > :nth-child(${at})`).allInnerTexts();
  return cells.map((text) => text.split('\n')[0] ?? '');
}

describe('the findings', () => {
  browserTest('are all there, and nothing is loaded or complained of', async () => {
    await withPage(busyReport(), async ({ page }) => {
      expect(await page.locator(visible).count()).toBe(15);
      expect(await page.getByRole('status').textContent()).toBe('15 of 15 findings shown');
      expect(await page.title()).toBe('Replaced files in use on web-04.example.net');
      expect(await page.getByRole('heading').allInnerTexts()).toEqual([
        'Replaced files in use on web-04.example.net',
        'What to do',
        'Which packages keep which services stale',
        'Findings',
      ]);
    });
  });

  browserTest('are filtered by words, by kinds and by both, and shown again', async () => {
    await withPage(busyReport(), async ({ page }) => {
      const search = page.getByRole('searchbox', { name: 'Filter' });
      await search.fill('LIBC.SO nginx');
      expect(await column(page, 1)).toEqual(['nginx.service']);
      await search.fill('');
      await page.getByRole('checkbox', { name: 'image-path' }).check();
      expect(await column(page, 1)).toEqual(['session 4 (user 1000)']);
      await page.getByRole('checkbox', { name: 'changed-script' }).check();
      expect(await column(page, 2)).toEqual(['image-path', 'changed-script']);
      await search.fill('python3');
      expect(await column(page, 2)).toEqual(['changed-script']);
      await search.fill('no such thing');
      expect(await page.locator(visible).count()).toBe(0);
      expect(await page.getByText('No finding matches.').isVisible()).toBe(true);
      await page.getByRole('button', { name: 'Show all' }).click();
      expect(await page.locator(visible).count()).toBe(15);
      expect(await page.getByRole('button', { name: 'Show all' }).isVisible()).toBe(false);
    });
  });

  browserTest('are sorted by each column, up and down, numbers as numbers', async () => {
    await withPage(busyReport(), async ({ page }) => {
      const head = (name: string) => page.getByRole('columnheader', { name });
      await head('Processes').getByRole('button').click();
      const counts = (await column(page, 5)).map((text) => Number.parseInt(text, 10));
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect(await head('Processes').getAttribute('aria-sort')).toBe('ascending');
      await head('Processes').getByRole('button').click();
      expect((await column(page, 5)).map((text) => Number.parseInt(text, 10))).toEqual(counts.toReversed());
      await head('Service').getByRole('button').click();
      const services = await column(page, 1);
      expect(services).toEqual(services.toSorted((a, b) => a.localeCompare(b, 'en')));
      expect(await head('Processes').getAttribute('aria-sort')).toBeNull();
    });
  });

  browserTest('can be had by keyboard alone', async () => {
    await withPage(busyReport(), async ({ page }) => {
      await page.keyboard.press('/');
      await page.keyboard.type('postgres');
      expect(await page.locator(visible).count()).toBe(2);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.locator(visible).count()).toBe(15);
      // From the filter: the kinds, the region that scrolls, the first head.
      const kinds = await page.getByRole('checkbox').count();
      for (let presses = 0; presses < kinds + 2; presses++) await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.getByRole('columnheader', { name: 'Service' }).getAttribute('aria-sort')).toBe('ascending');
      const why = page.locator('#findings summary').first();
      await why.focus();
      await page.keyboard.press('Enter');
      expect(await page.locator('#findings details[open] li').first().isVisible()).toBe(true);
    });
  });

  browserTest('can be read where no script runs', async () => {
    const shown = async ({ page }: Opened): Promise<void> => {
      expect(await page.locator(visible).count()).toBe(15);
      expect(await page.locator('.controls').isVisible()).toBe(false);
      expect(await page.getByText('systemctl restart nginx.service').isVisible()).toBe(true);
    };
    await withPage(busyReport(), shown, { javaScriptEnabled: false });
  });
});

describe('the picture', () => {
  browserTest('filters the findings by a package or a service, with mouse or keys', async () => {
    await withPage(busyReport(), async ({ page }) => {
      const libc = page.getByRole('button', { name: /^package libc6/ });
      await libc.click();
      expect(new Set(await column(page, 4))).toEqual(new Set(['libc6:amd64 2.36-9+deb12u13']));
      expect(await libc.getAttribute('aria-pressed')).toBe('true');
      expect(await page.locator('.flow.on').count()).toBe(4);
      expect(await page.getByRole('status').textContent()).toContain('of libc6:amd64');
      const vim = page.getByRole('button', { name: /^service session 4/ });
      await vim.focus();
      await page.keyboard.press('Enter');
      expect(await column(page, 2)).toEqual(['image-path']);
      expect(await libc.getAttribute('aria-pressed')).toBe('false');
      await page.keyboard.press('Space');
      expect(await page.locator(visible).count()).toBe(15);
    });
  });
});

/** Contrast of text with what is behind it (WCAG 2), for each of the elements that `selector` finds. */
const contrasts = (selector: string): string => `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? back(element.parentElement) : backgroundColor;
  };
  return [...document.querySelectorAll('${selector}')].map((element) => {
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(back(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
})()`;

describe.each(['light', 'dark'] as const)('for who prefers %s', (colorScheme) => {
  browserTest('every text stands out from what is behind it, and a picture of the page is kept', async () => {
    const look = async ({ page }: Opened): Promise<void> => {
      const back = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      const [red = 0] = (back.match(/\d+/g) ?? []).map(Number);
      expect(red < 128 ? 'dark' : 'light').toBe(colorScheme);
      const found = await page.evaluate<number[]>(
        contrasts('h1, h2, p, dt, dd, td, th button, li, .badge, code, summary'),
      );
      expect(found.length).toBeGreaterThan(100);
      expect(Math.min(...found)).toBeGreaterThanOrEqual(4.5);
      mkdirSync(artefacts, { recursive: true });
      await page.screenshot({ path: join(artefacts, `scan-${colorScheme}.png`), fullPage: true });
    };
    await withPage(busyReport(), look, { colorScheme });
  });
});

browserTest('a small screen scrolls tables and pictures, never the page', async () => {
  await withPage(
    busyReport(),
    async ({ page }) => {
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    },
    { viewport: { width: 390, height: 800 } },
  );
});

browserTest('names of a host are text, whatever they are made of', async () => {
  await withPage(hostileReport(), async ({ page }) => {
    expect(await page.locator('script').count()).toBe(1);
    expect((await column(page, 3))[0]).toContain('<script>alert(1)</script>"\'&\\\\x0a\\x1b[31m\\xff\\xe2\\x80\\xae');
    await page.getByRole('button', { name: /^package / }).click();
    expect(await page.getByRole('status').textContent()).toContain('<script>alert(1)</script>');
  });
});

browserTest('a host where nothing is found has a page too', async () => {
  await withPage(aReport([]), async ({ page }) => {
    expect(await page.getByText('No process that could be read holds a replaced file.').isVisible()).toBe(true);
  });
});

browserTest('what the command writes of a real process works as well', async () => {
  using work = temporaryDirectory();
  const program = work.at('<img src=x onerror=alert(1)>');
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['1000']);
  try {
    copyFileSync('/bin/sleep', work.at('new'));
    renameSync(work.at('new'), program);
    const args = ['scan', '--pid', `${child.pid}`, '--html', work.at('page.html')];
    expect(spawnSync(emplace, args, { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    await withPage(readFileSync(work.at('page.html'), 'utf8'), async ({ page }) => {
      expect(await column(page, 2)).toEqual(['replaced-executable']);
      expect((await column(page, 3))[0]).toContain('<img src=x onerror=alert(1)>');
      await page.getByRole('searchbox').fill(`${child.pid}`);
      expect(await page.locator(visible).count()).toBe(1);
    });
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});
