/** What `emplace scan` prints for people. */
import type { ScanReport } from '@emplace/fsprobe';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { renderScan, type TextOptions } from '../src/render/scan/text.ts';
import { redraw, withInterval } from '../src/watch.ts';
import { aFinding, aProcess, aReport, busyReport, hostileReport, unit } from './scan-reports.ts';

const plain: TextOptions = { by: 'service', verbose: false, width: 80, paint: (_, text) => text };

function linesOf(report: ScanReport, options: Partial<TextOptions> = {}): string[] {
  return renderScan(report, { ...plain, ...options }).split('\n');
}

/** The lines of the table, without its head. */
function tableOf(report: ScanReport, options: Partial<TextOptions> = {}): string[] {
  const lines = linesOf(report, options);
  return lines.slice(1, lines.indexOf(''));
}

describe('the table', () => {
  test.each(['service', 'package', 'process'] as const)('by %s fits into 80 columns', (by) => {
    const wide = aProcess(4, { command: toBytes('全角文字のデーモン'), service: unit(`${'x'.repeat(90)}.service`) });
    for (const report of [busyReport(), hostileReport(), aReport([wide])])
      for (const line of tableOf(report, { by })) expect(stringWidth(line)).toBeLessThanOrEqual(80);
  });

  test('has one line for each thing to start anew, the worst first', () => {
    expect(tableOf(busyReport()).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'kworker/3:1',
      'session 4 (user 1000)',
      'nginx.service',
      expect.stringMatching(/^postgresql@15-main/),
      'dbus.service',
      'docker:4f1d2a9be301',
      'ssh.service',
      expect.stringMatching(/^unattended-upgrades/),
    ]);
  });

  test('counts processes, and findings of each class', () => {
    const [line] = tableOf(
      aReport([aProcess(1), aProcess(2, { findings: [aFinding(), aFinding({ class: 'deleted' })] })]),
    );
    expect(line).toMatch(/^nginx\.service +2 +replaced-library 2, deleted 1 +sys-libs\/zlib-1\.3$/);
  });

  test('by package tells what each one keeps stale, and a file of two packages in both', () => {
    const shared = aFinding({ owners: ['a/a-1', 'b/b-2'] });
    const report = aReport([
      aProcess(1, { findings: [shared] }),
      aProcess(2, { service: unit('ssh.service'), findings: [shared, aFinding({ owners: [] })] }),
    ]);
    expect(tableOf(report, { by: 'package' })).toEqual([
      expect.stringMatching(/^a\/a-1 +2 +replaced-library 2 +nginx\.service, ssh\.service$/),
      expect.stringMatching(/^b\/b-2 +2 +replaced-library 2 +nginx\.service, ssh\.service$/),
      expect.stringMatching(/^\(no package\) +1 +replaced-library 1 +ssh\.service$/),
    ]);
  });

  test('by process tells of each one', () => {
    expect(tableOf(aReport([aProcess(1), aProcess(20_000, { command: ascii('') })]), { by: 'process' })).toEqual([
      expect.stringMatching(/^ +1 {2}nginx +replaced-library 1/),
      expect.stringMatching(/^20000 {2}\(no name\) +replaced-library 1/),
    ]);
  });

  test('tells how many more there are of what has no room', () => {
    const owners = Array.from({ length: 40 }, (_, at) => `category/package-${at}`);
    const [line = ''] = tableOf(aReport([aProcess(1, { findings: [aFinding({ owners })] })]));
    expect(line).toMatch(/category\/package-0, \+39$/);
  });

  test('needs no colour to be understood, and says by it what is worst', () => {
    const painted = renderScan(busyReport(), { ...plain, paint: (style, text) => `<${style}>${text}</${style}>` });
    expect(painted).toContain('<alarm>session 4');
    expect(painted).toContain('<stale>nginx.service');
    expect(painted.replace(/<\/?(?:alarm|stale|note|head)>/g, '')).toBe(renderScan(busyReport(), plain));
  });
});

describe('what to do', () => {
  test('is told once for each service, commands first', () => {
    const lines = linesOf(busyReport());
    const told = lines.slice(lines.indexOf('what to do:') + 1);
    expect(told.slice(0, 2)).toEqual([
      '  systemctl restart nginx.service',
      '  systemctl restart postgresql@15-main.service',
    ]);
    expect(told.indexOf('  log out session 4 of user 1000')).toBeGreaterThan(
      told.indexOf('  systemctl restart ssh.service'),
    );
  });

  test('is no restart where that mends nothing, or would destroy what is to be looked at', () => {
    const of = (name: 'pinned-by-mount' | 'fileless' | 'benign'): string =>
      linesOf(aReport([aProcess(9, { findings: [aFinding({ class: name })] })])).join('\n');
    for (const name of ['pinned-by-mount', 'fileless', 'benign'] as const)
      expect(of(name)).not.toContain('restart nginx');
    expect(of('pinned-by-mount')).toContain('mount anew');
    expect(of('fileless')).toContain('inspect before it ends');
    expect(of('benign')).not.toContain('what to do');
  });
});

describe('what was looked at', () => {
  test('is told, and what nothing is known of is never called clean', () => {
    const text = linesOf(aReport([], { processes: 1200, unread: 3, gone: 1, hidden: true, unreadDatabases: 1 })).join(
      '\n',
    );
    expect(text).toContain('nothing found in 1,200 processes');
    expect(text).toContain('not known: 3 processes could not be read in whole');
    expect(text).toContain('not known: 1 process ended before being read');
    expect(text).toContain('hidepid');
    expect(text).toContain('not known: packages of 1 container, whose databases took too long to read');
  });

  test('paths of images are counted', () => {
    expect(linesOf(busyReport()).join('\n')).toContain(
      '14 of 213 processes in 8 services, 1 with a path of an image or a staged name',
    );
  });
});

describe('-v', () => {
  test('tells every finding with its evidence, its package and its process', () => {
    const text = linesOf(busyReport(), { verbose: true }).join('\n');
    expect(text).toContain('2210 vim notes.txt (uid 1000, since ');
    expect(text).toContain(
      'image-path (exe, high confidence): `/var/tmp/portage/app-editors/vim-9.1.0366/image/usr/bin/vim`',
    );
    expect(text).toContain('another file is at `/usr/bin/vim`');
    expect(text).toContain('package: app-editors/vim-9.1.0366');
    expect(text).toContain('1501 node /srv/app/server.js (container, uid 1001');
  });
});

describe('hostile names', () => {
  test.each(['service', 'package', 'process'] as const)('by %s neither move the cursor nor forge a line', (by) => {
    const text = renderScan(hostileReport(), { ...plain, by, verbose: true });
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    const names = ['\n', '\r', '\t', '\x1b[2J', '\u2028', '\u202e', '\x7f'].map((name) => toBytes(name) as Bytes);
    const many = names.map((name, at) => aProcess(at + 1, { command: name, findings: [aFinding({ shown: name })] }));
    expect(tableOf(aReport(many), { by: 'process' })).toHaveLength(names.length);
    expect(renderScan(aReport(many), { ...plain, by, verbose: true })).not.toMatch(/[^\P{C}\n]/u);
  });
});

describe('--watch', () => {
  test('alone has an interval', () => {
    expect(withInterval(['--watch', '--json'], 5)).toEqual(['--watch', '5', '--json']);
    expect(withInterval(['-v', '--watch'], 5)).toEqual(['-v', '--watch', '5']);
    for (const argv of [['--watch', '7'], ['--watch=7'], ['-v']]) expect(withInterval(argv, 5)).toEqual(argv);
  });

  test('redraws no more lines than a terminal has, and counts the rest', () => {
    expect(redraw('a\nb\nc', { rows: 4 })).toBe('\x1b[H\x1b[2J\x1b[3Ja\nb\nc');
    expect(redraw('a\nb\nc\nd', { rows: 4 })).toBe('\x1b[H\x1b[2J\x1b[3Ja\nb\n… 2 more lines');
  });
});
