import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync, readSync, writeSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import {
  closeOnExec,
  O_CLOEXEC,
  O_RDONLY,
  open,
  pipe,
  prlimit,
  RLIMIT_CORE,
  RLIMIT_NOFILE,
  toBytes,
} from '../src/index.ts';

/** Whether a program would not inherit a descriptor. */
function isCloseOnExec(fd: number): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
}

test('a pipe carries bytes from its second end to its first, and no program inherits either', () => {
  const [from, to] = pipe();
  writeSync(to, 'text');
  const buffer = Buffer.alloc(10);
  expect(buffer.toString('latin1', 0, readSync(from, buffer))).toBe('text');
  expect([from, to].map(isCloseOnExec)).toEqual([true, true]);
  closeSync(to);
  expect(readSync(from, buffer)).toBe(0);
  closeSync(from);
});

test('closeOnExec marks every descriptor from the one that is given', () => {
  const [kept, marked] = [open(toBytes('/dev/null'), O_RDONLY), open(toBytes('/dev/null'), O_RDONLY)].sort(
    (a, b) => a - b,
  );
  closeOnExec(marked as number);
  expect([kept, marked].map((fd) => isCloseOnExec(fd as number))).toEqual([false, true]);
  closeSync(kept as number);
  closeSync(marked as number);
});

test('prlimit tells and sets the limits of another process, and tells what they were', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  const pid = child.pid as number;
  const own = prlimit(0, RLIMIT_NOFILE);
  expect(String(own.hard)).toBe(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim());
  expect(prlimit(pid, RLIMIT_NOFILE)).toEqual(own);
  expect(prlimit(pid, RLIMIT_NOFILE, { soft: 20, hard: 30 })).toEqual(own);
  expect(prlimit(pid, RLIMIT_NOFILE)).toEqual({ soft: 20, hard: 30 });
  prlimit(pid, RLIMIT_CORE, { soft: 0, hard: prlimit(0, RLIMIT_CORE).hard });
  expect(prlimit(pid, RLIMIT_CORE)).toEqual({ soft: 0, hard: prlimit(0, RLIMIT_CORE).hard });
  expect(prlimit(0, RLIMIT_NOFILE)).toEqual(own);
  const exit = once(child, 'exit');
  child.stdin.end();
  await exit;
  expect(() => prlimit(pid, RLIMIT_NOFILE)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
});
