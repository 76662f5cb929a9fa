/** What docs/SCAN.md lists is what there is. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { staleClasses } from '@emplace/fsprobe';
import { expect, test } from '@jest/globals';
import { Scan } from '../src/commands/scan.ts';
import { renderPrometheus } from '../src/render/scan/prometheus.ts';
import { aReport } from './scan-reports.ts';

const page = readFileSync(fileURLToPath(new URL('../../../docs/SCAN.md', import.meta.url)), 'utf8');

/** First cells of the tables. */
const rows = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);

test('every class and every metric has a row, and no row is of one that is gone', () => {
  const metrics = [...renderPrometheus(aReport([])).matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
  expect([...rows].sort()).toEqual([...staleClasses, ...metrics].sort());
});

test('every flag is named', () => {
  const unnamed = Object.keys(Scan.flags).filter((name) => !page.includes(`--${name}`) && name !== 'verbose');
  expect(unnamed).toEqual([]);
});
