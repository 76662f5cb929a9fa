/** All that runs on this machine beside the tests: nothing is found of a process where /proc shows no cause for that by itself. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { rootTest } from '@emplace/fixtures/jest';
import { expect } from '@jest/globals';
import { scan } from '../../src/index.ts';

/** Ticks of /proc/PID/stat in a second (USER_HZ), as all of Linux has it for programs. */
const HZ = 100;
const booted = Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]);

/** Fields of /proc/PID/stat from the third on: the command before may hold anything. */
function fields(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').at(-1)?.trim().split(' ') ?? [];
}

/** Whether it was started by the tests: those replace what they run. */
function isOfTests(pid: number): boolean {
  for (let at = pid; at > 1; at = Number(fields(at)[1])) if (at === process.ppid) return true;
  return false;
}

/** Whether its links, the text of its mappings or the times of its files say that something became of them. */
function hasCause(pid: number): boolean {
  const proc = `/proc/${pid}`;
  const started = booted + Number(fields(pid)[19]) / HZ;
  const shown = ['exe', 'cwd', 'root'].map((name) => readlinkSync(`${proc}/${name}`));
  const open = readdirSync(`${proc}/fd`).map((fd) => readlinkSync(`${proc}/fd/${fd}`));
  const code = readFileSync(`${proc}/maps`, 'latin1').matchAll(/^\S+ ..x. \S+ \S+ \d+ +(\/.*)$/gm);
  const paths = [...shown, ...Array.from(code, ([, path = '']) => path)];
  if ([...paths, ...open].some((path) => path.endsWith(' (deleted)'))) return true;
  const words = readFileSync(`${proc}/cmdline`, 'utf8').split('\0');
  const files = [...paths, ...words.map((word) => resolve(shown[1] ?? '/', word))];
  // A second by which the clock may be off that the start is told by.
  return files.some((path) => changedSec(`${proc}/root${path}`) > started - 1);
}

/** Not every word of a command line can be a path. */
function changedSec(path: string): number {
  try {
    return statSync(path).ctimeMs / 1000;
  } catch {
    return 0;
  }
}

function isGone(act: () => boolean): boolean {
  try {
    return act();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return true;
    throw error;
  }
}

/** What is found of processes that show no cause. */
function unexplained(pids?: readonly number[]) {
  const { processes, counts } = scan({ owners: [], ...(pids && { pids }) });
  const without = processes.filter(({ pid }) => !isGone(() => isOfTests(pid) || hasCause(pid)));
  return { counts, found: without.map(({ pid, command, findings }) => ({ pid, command, findings })) };
}

rootTest('of a process that shows no cause for it nothing is found', () => {
  const { counts, found } = unexplained();
  expect(counts.processes).toBeGreaterThan(1);
  // One that executed another program, or whose files were put back, between the two looks is looked at again.
  const again = found.map(({ pid }) => pid);
  expect(again.length === 0 ? [] : unexplained(again).found).toEqual([]);
});
