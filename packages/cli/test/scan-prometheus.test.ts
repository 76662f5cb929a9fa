/** What `emplace scan --prometheus` writes. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { temporaryDirectory, thrown } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { type ScanReport, scan, staleClasses } from '@emplace/fsprobe';
import { MergeError } from '@emplace/merge-core';
import { toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { renderPrometheus } from '../src/render/scan/prometheus.ts';
import { writeBeside } from '../src/write-beside.ts';
import { aFinding, aProcess, aReport, busyReport, hostileReport, unit } from './scan-reports.ts';

function samplesOf(report: ScanReport): string[] {
  return renderPrometheus(report)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

describe('the metrics', () => {
  toolTest('promtool', 'are what promtool takes without a word', () => {
    for (const report of [busyReport(), hostileReport(), aReport([]), scan({ descriptors: true, benign: true })]) {
      const input = renderPrometheus(report);
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    }
  });

  test('have every class, found or not: an alert on an absent one would never come', () => {
    const samples = samplesOf(aReport([]));
    for (const name of staleClasses) expect(samples).toContain(`emplace_scan_findings{class="${name}"} 0`);
  });

  test('count processes by service and by package', () => {
    const samples = samplesOf(busyReport());
    expect(samples).toEqual(
      expect.arrayContaining([
        'emplace_scan_findings{class="image-path"} 1',
        'emplace_scan_service_stale_processes{kind="system-unit",restartable="true",service="nginx.service"} 5',
        'emplace_scan_package_stale_processes{package="libc6:amd64 2.36-9+deb12u13"} 10',
        'emplace_scan_processes 213',
        'emplace_scan_unread_processes 2',
      ]),
    );
  });

  test('have each series once, though two services share a name and want different things', () => {
    const shell = { kind: 'process', name: 'sh', restartable: false } as const;
    const samples = samplesOf(
      aReport([
        aProcess(1, { service: { ...shell, advice: 'end and start again: sh' } }),
        aProcess(2, {
          service: { ...shell, advice: 'end and start again: sh (it outlives a restart of cron.service)' },
        }),
      ]),
    );
    expect(samples.filter((line) => line.includes('service="sh"'))).toEqual([
      'emplace_scan_service_stale_processes{kind="process",restartable="false",service="sh"} 2',
    ]);
  });

  test('escape labels: a name is neither a line nor a label of its own', () => {
    const hostile = 'a"} 1\nemplace_scan_processes 0\\';
    const service = unit(hostile);
    const lines = samplesOf(aReport([aProcess(1, { service, findings: [aFinding({ owners: [toBytes(hostile)] })] })]));
    expect(lines.filter((line) => line.startsWith('emplace_scan_processes '))).toEqual(['emplace_scan_processes 101']);
    expect(lines).toContainEqual(expect.stringContaining(String.raw`service="a\"} 1\\x0aemplace_scan_processes 0\\"`));
  });
});

describe('a file that is written beside and renamed', () => {
  test('takes the place of the old one, readable by all, and nothing else is left', () => {
    using work = temporaryDirectory();
    const path = work.at('emplace.prom');
    writeFileSync(path, 'old', { mode: 0o600 });
    writeBeside(path, 'new', 0o644);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readdirSync(work.path)).toEqual(['emplace.prom']);
  });

  test('replaces a symlink, and does not write through it', () => {
    using work = temporaryDirectory();
    writeFileSync(work.at('precious'), 'precious');
    symlinkSync('precious', work.at('emplace.prom'));
    writeBeside(work.at('emplace.prom'), 'new', 0o644);
    expect(readFileSync(work.at('precious'), 'utf8')).toBe('precious');
    expect(readFileSync(work.at('emplace.prom'), 'utf8')).toBe('new');
  });

  test('leaves what was there when it cannot be written, and says so', () => {
    using work = temporaryDirectory();
    work.make('directory/full');
    const error = thrown(MergeError, () => writeBeside(work.at('directory'), 'new', 0o644));
    expect(error).toMatchObject({ code: 'OUTPUT_UNWRITABLE', message: expect.stringContaining('directory') });
    expect(readdirSync(work.path)).toEqual(['directory']);
    expect(thrown(MergeError, () => writeBeside(work.at('absent/file'), 'new', 0o644)).code).toBe('OUTPUT_UNWRITABLE');
  });
});
