/** The page of `emplace scan --html` as text. tests/src/scan-html.test.ts opens it in a browser. */
import { createHash } from 'node:crypto';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { flowsOf } from '../src/render/scan/flows.ts';
import { html, trusted } from '../src/render/scan/html.ts';
import { keysOf } from '../src/render/scan/keys.ts';
import { renderPage } from '../src/render/scan/page.ts';
import { aFinding, aProcess, aReport, busyReport, hostileReport, unit } from './scan-reports.ts';

const page = (report: Parameters<typeof renderPage>[0]): string => renderPage(report, { hostname: '<b>"host"' });

describe('markup', () => {
  test('is only what a template says: values are text, in content and in attributes', () => {
    const name = `</p><script>alert('"')</script>&`;
    expect(html`<p title="${name}">${name}</p>`.markup).toBe(
      `<p title="${'&lt;/p&gt;&lt;script&gt;alert(&#39;&quot;&#39;)&lt;/script&gt;&amp;'}">${'&lt;/p&gt;&lt;script&gt;alert(&#39;&quot;&#39;)&lt;/script&gt;&amp;'}</p>`,
    );
  });

  test('goes into markup as it is, one by one or many', () => {
    expect(html`<ul>${['a', '<'].map((name) => html`<li>${name}</li>`)}${trusted('<hr>')}${1}</ul>`.markup).toBe(
      '<ul><li>a</li><li>&lt;</li><hr>1</ul>',
    );
  });
});

describe('the page', () => {
  test('has one script and one style, known to its policy by their digests, and nothing else may run or be loaded', () => {
    for (const report of [busyReport(), hostileReport(), aReport([])]) {
      const text = page(report);
      const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(text)?.[1]?.replaceAll('&#39;', "'");
      expect(policy).toContain("default-src 'none'");
      for (const [element, directive] of [
        ['script', 'script-src'],
        ['style', 'style-src'],
      ] as const) {
        const found = [...text.matchAll(new RegExp(`<${element}\\b[^>]*>(.*?)</${element}>`, 'gs'))];
        expect(found).toHaveLength(1);
        const digest = createHash('sha256')
          .update(found[0]?.[1] ?? '')
          .digest('base64');
        expect(policy).toContain(`${directive} 'sha256-${digest}'`);
      }
      expect(text).not.toMatch(/\b(?:src|href|action|style|on\w+)="(?!data:,")/);
    }
  });

  test('shows control characters as what they are', () => {
    expect(page(hostileReport())).not.toMatch(/[^\P{C}\n]/u);
  });

  test('is small where many processes hold the same', () => {
    const many = Array.from({ length: 2000 }, (_, at) => aProcess(at + 1));
    const text = page(aReport(many));
    expect(text.match(/<tr data-keys/g)).toHaveLength(1);
    expect(text).toContain('data-value="2000"');
    expect(text.length).toBeLessThan(100_000);
  });

  test('says when nothing was found, and what is not known all the same', () => {
    const text = page(aReport([], { unread: 12 }));
    expect(text).toContain('No process that could be read holds a replaced file');
    expect(text).toContain('12 processes could not be read');
    expect(text).not.toContain('<table');
  });
});

describe('the picture', () => {
  const flowsIn = (report: Parameters<typeof keysOf>[0]): ReturnType<typeof flowsOf> => flowsOf(report, keysOf(report));

  test('has a flow for each package that keeps a service stale, with its processes', () => {
    const { flows } = flowsIn(busyReport());
    expect(flows.map(({ from, to, processes }) => [from.name, to.name, processes])).toEqual(
      expect.arrayContaining([
        ['libc6:amd64 2.36-9+deb12u13', 'nginx.service', 5],
        ['libc6:amd64 2.36-9+deb12u13', 'postgresql@15-main.service', 3],
        ['app-editors/vim-9.1.0366', 'session 4 (user 1000)', 1],
      ]),
    );
  });

  test('has no two nodes over each other, and no flow outside its node', () => {
    const report = aReport(
      Array.from({ length: 60 }, (_, at) =>
        aProcess(at + 1, {
          service: unit(`service-${at % 25}.service`),
          findings: [aFinding({ owners: [`a/package-${at % 30}`, `b/package-${at % 7}`] })],
        }),
      ),
    );
    const { packages, services, flows, height } = flowsIn(report);
    for (const side of [packages, services]) {
      for (const [at, { top, height: own }] of side.entries()) {
        expect(top).toBeGreaterThanOrEqual(0);
        expect(top + own).toBeLessThanOrEqual(height + 0.001);
        expect(side[at + 1]?.top ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(top + own);
      }
    }
    const placed = new Map([...packages, ...services].map((node) => [node.keys.join(), node]));
    for (const { from, to, fromY, toY, width } of flows) {
      for (const [node, y] of [
        [placed.get(from.keys.join()), fromY],
        [placed.get(to.keys.join()), toY],
      ] as const) {
        expect(y - width / 2).toBeGreaterThanOrEqual((node?.top ?? Number.NaN) - 0.001);
        expect(y + width / 2).toBeLessThanOrEqual((node?.top ?? Number.NaN) + (node?.height ?? Number.NaN) + 0.001);
      }
    }
  });

  test('draws what there is no room for as one, which stands for all of it', () => {
    const processes = Array.from({ length: 40 }, (_, at) =>
      aProcess(at + 1, { service: unit(`s${at}.service`), findings: [aFinding({ owners: [`a/p-${at}`] })] }),
    );
    const { packages, services, flows } = flowsIn(aReport(processes));
    expect([packages.length, services.length]).toEqual([18, 18]);
    expect(packages.find(({ name }) => name === '23 more packages')?.keys).toHaveLength(23);
    expect(flows.reduce((sum, flow) => sum + flow.processes, 0)).toBe(40);
  });

  test('tells one command from another of the same name by what it wants', () => {
    const shell = { kind: 'process', name: 'sh', restartable: false } as const;
    const [one, other] = ['end it', 'end it (it outlives cron)'].map((advice, at) =>
      aProcess(at + 1, { command: ascii('sh'), service: { ...shell, advice } }),
    );
    if (one === undefined || other === undefined) throw new Error('bug');
    expect(flowsIn(aReport([one, other])).services.map(({ name }) => name)).toEqual(['sh', 'sh']);
  });
});
