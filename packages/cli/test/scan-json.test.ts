/** What `emplace scan --json` prints, against its schema. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scan } from '@emplace/fsprobe';
import { describe, expect, test } from '@jest/globals';
import { renderJson, renderJsonLine } from '../src/render/json.ts';
import { scanJson } from '../src/render/scan/json.ts';
import { scanJsonSchema, scanSchema } from '../src/render/scan/schema.ts';
import { aReport, busyReport, HOSTILE, hostileReport } from './scan-reports.ts';

const published = fileURLToPath(new URL('../../../docs/scan.schema.json', import.meta.url));

/** What a program reads. */
function readBack(text: string): unknown {
  return scanSchema().parse(JSON.parse(text));
}

describe('the schema', () => {
  test('in docs/ is the one that output is checked against', () => {
    expect(JSON.parse(readFileSync(published, 'utf8'))).toEqual(JSON.parse(JSON.stringify(scanJsonSchema())));
  });

  test('knows every key, and refuses others', () => {
    for (const report of [busyReport(), hostileReport(), aReport([])]) {
      const json = scanJson(report);
      expect(readBack(renderJson(json))).toEqual(json);
      expect(() => scanSchema().parse({ ...json, more: 1 })).toThrow(/more/);
    }
  });

  test('knows what is found on this machine', () => {
    const report = scan({ descriptors: true, benign: true });
    expect(report.counts.processes).toBeGreaterThan(0);
    const json = scanJson(report);
    expect(readBack(renderJson(json))).toEqual(json);
  });
});

test('names have all their bytes, and inode numbers all their digits', () => {
  const [process] = scanJson(hostileReport()).processes;
  const base64 = Buffer.from(HOSTILE, 'latin1').toString('base64');
  expect(process).toMatchObject({
    command: { base64 },
    findings: [{ shown: { base64 }, heldFile: { dev: 2049, ino: '9223372036854775808' } }],
  });
});

test.each([
  ['a document', renderJson],
  ['a line of a stream', renderJsonLine],
])('%s does nothing to a terminal', (_, render) => {
  const text = render(scanJson(hostileReport()));
  expect(text).not.toMatch(/[^\P{C}\n]/u);
  expect(render === renderJsonLine && text.includes('\n')).toBe(false);
  expect(readBack(text)).toEqual(scanJson(hostileReport()));
});
