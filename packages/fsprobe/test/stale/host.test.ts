/** All processes of the machine, whatever they are: no finding but what a plain look confirms. */
import { readlinkSync, statSync } from 'node:fs';
import { rootTest } from '@emplace/fixtures/jest';
import { toBuffer } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { scan } from '../../src/index.ts';
import type { Finding } from '../../src/stale/model.ts';

const INIT_PIDS = 'pid:[4026531836]';

/** Whether a path leads to the file; undefined when the process has gone meanwhile. */
function leadsTo(link: string, path: Buffer): boolean | undefined {
  try {
    const held = statSync(link, { bigint: true });
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found !== undefined && held.ino === found.ino && held.dev === found.dev;
  } catch {
    return undefined;
  }
}

/** Programs that lie at their paths by a plain look, and that a scan says something else of. */
function contradictions(pids?: readonly number[]): { readonly pid: number; readonly exe: Finding }[] {
  const { processes } = scan({ owners: [], ...(pids && { pids }) });
  return processes.flatMap(({ pid, place, findings }) => {
    const exe = findings.find(({ held }) => held === 'exe');
    if (exe === undefined || place !== 'host' || exe.class === 'modified-in-place') return [];
    const path = exe.path ?? exe.shown;
    return leadsTo(`/proc/${pid}/exe`, toBuffer(path)) === true ? [{ pid, exe }] : [];
  });
}

test('no program of the host that lies at its path is called replaced, deleted, moved or without a file', () => {
  // Other tests run beside this one: what they replace and put back in this moment is looked at again.
  const suspects = contradictions().map(({ pid }) => pid);
  expect(suspects.length === 0 ? [] : contradictions(suspects)).toEqual([]);
});

rootTest('every process of the host is counted', () => {
  const { counts } = scan({ owners: [] });
  expect(counts.processes).toBeGreaterThan(0);
  const seesKernelThreads = readlinkSync('/proc/self/ns/pid') === INIT_PIDS;
  expect(counts.kernelThreads > 0).toBe(seesKernelThreads);
});

test('this process is found clean, and found by who asks for it', () => {
  const report = scan({ pids: [process.pid, process.pid], users: [process.geteuid?.() ?? 0], owners: [] });
  expect(report).toMatchObject({ processes: [], counts: { processes: 1, unread: 0, gone: 0 } });
  expect(scan({ pids: [process.pid], users: [12_345], owners: [] }).counts.processes).toBe(0);
});
