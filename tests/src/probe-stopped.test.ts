/** `emplace probe` that is stopped while its directories are there. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';

const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));

/** With `-D` the process that is started is the command, and strace a child of it: it suspends it where it changes an owner. */
const STRACE = ['-D', '-qq', '-e', 'trace=fchown', '-e', 'inject=fchown:signal=STOP:when=1'];

/** A probe from one directory to the same, suspended when its private directories are there. */
async function probing(dir: string, trace: string): Promise<ChildProcess> {
  const child = spawn('strace', [...STRACE, '-o', trace, emplace, 'probe', dir, dir], { stdio: 'ignore' });
  while (
    child.exitCode === null &&
    !(existsSync(trace) && readFileSync(trace, 'latin1').includes('stopped by SIGSTOP'))
  )
    await turn();
  return child;
}

describe('a probe that is stopped', () => {
  const cases = [
    { signal: 'SIGTERM', code: 143 },
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGHUP', code: 129 },
  ] as const;
  for (const { signal, code } of cases) {
    toolTest('strace', `by ${signal} leaves nothing, and says so by its exit code`, async () => {
      using work = temporaryDirectory();
      const dir = work.make('dir');
      const child = await probing(dir, work.at('trace'));
      child.kill(signal);
      child.kill('SIGCONT');
      expect(await once(child, 'exit')).toEqual([code, null]);
      expect(readdirSync(dir)).toEqual([]);
    });
  }

  toolTest('strace', 'by SIGKILL leaves what the next removes', async () => {
    using work = temporaryDirectory();
    const dir = work.make('dir');
    const child = await probing(dir, work.at('trace'));
    child.kill('SIGKILL');
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    expect(readdirSync(dir)).toContainEqual(expect.stringMatching(/^\.emplace-probe-/));
    expect(spawnSync(emplace, ['probe', dir, dir]).status).toBe(0);
    expect(readdirSync(dir)).toEqual([]);
  });
});

test('a time limit that no timer can hold is refused', () => {
  using work = temporaryDirectory();
  const dir = work.make('dir');
  for (const timeout of ['0', '600001', '2147483648', 'long']) {
    const { status, stderr } = spawnSync(emplace, ['probe', dir, dir, '--rename-shapes', `--timeout=${timeout}`], {
      encoding: 'utf8',
    });
    expect({ timeout, status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining('timeout') });
  }
  expect(readdirSync(dir)).toEqual([]);
});
