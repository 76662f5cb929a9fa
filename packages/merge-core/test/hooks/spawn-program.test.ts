/** A program that was started: what it is given, what it may do, what is known of its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { toBytes } from '@emplace/syscalls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { limit } from '../../src/hooks/rlimits.ts';
import { type Ended, spawnProgram } from '../../src/index.ts';
import { expectGivenBack, held, refusalOf, run, shell } from './programs.ts';
import { specOf } from './wishes.ts';

let before: ReturnType<typeof held>;
beforeEach(() => {
  before = held();
});
afterEach(() => expectGivenBack(before));

/** Field `name` of /proc/PID/stat; the command before them may have blanks. */
function statOf(pid: number, name: 'pgrp' | 'session'): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return Number(fields[name === 'pgrp' ? 2 : 3]);
}

/** Whether a process is there and not a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('what it is given', () => {
  test('descriptors 0 to 2 and no other, whatever this process has or was itself given', async () => {
    const script = fileURLToPath(new URL('./inherit-script.ts', import.meta.url));
    const fd = openSync('/dev/null', 'r');
    const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script];
    const between = Array.from({ length: 60 }, () => 'ignore' as const);
    const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit', ...between, fd] });
    closeSync(fd);
    const [said] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [Buffer];
    await once(child, 'close');
    expect(JSON.parse(said.toString())).toEqual([true, ['0', '1', '2']]);
  });

  test('arguments and environment as they are, nothing expanded', async () => {
    const words = ['a b', '$HOME', '*', '', 'zwölf', "'"];
    const { output } = await run({ argv: ['/usr/bin/printf', '%s\\n', ...words] });
    expect(output.bytes).toBe(toBytes(`${words.join('\n')}\n`));
    expect((await run({ argv: ['/usr/bin/env'], env: { ONLY: 'this' } })).output.bytes).toBe('ONLY=this\n');
  });

  test('the working directory', async () => {
    using place = temporaryDirectory();
    expect((await shell('pwd -P', { cwd: place.path })).output.bytes).toBe(`${place.path}\n`);
  });

  test('what is written to its stdin, or a descriptor, or nothing', async () => {
    using place = temporaryDirectory();
    writeFileSync(place.at('input'), 'of a file');
    const chunks = ['a', '\xff\0', 'c'].map((text) => Buffer.from(text, 'latin1'));
    expect((await shell('cat', { stdin: chunks })).output.bytes).toBe('a\xff\0c');
    const fd = openSync(place.at('input'), 'r');
    expect((await shell('cat', { stdin: fd })).output.bytes).toBe('of a file');
    closeSync(fd);
    expect((await shell('cat')).output.bytes).toBe('');
  });

  test('pipes, which a script can open by the names of /dev', async () => {
    const script = 'cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr';
    const lines: string[] = [];
    const onLine = (line: string, from: string): void => void lines.push(`${from}: ${line}`);
    expect(await shell(script, { stdin: [Buffer.from('in\n')], onLine })).toMatchObject({ how: 'exited', code: 0 });
    expect(lines.sort()).toEqual(['stderr: err', 'stdout: in', 'stdout: out']);
  });

  test('a session of its own, or the one of this process', async () => {
    const script = "cut -d' ' -f5,6 /proc/$$/stat";
    const own = await spawnProgram(specOf({ argv: ['/bin/sh', '-c', script] }));
    expect((await own.ended).output.bytes).toBe(`${own.pid} ${own.pid}\n`);
    const shared = `${statOf(process.pid, 'pgrp')} ${statOf(process.pid, 'session')}\n`;
    expect((await shell(script, { session: 'shared' })).output.bytes).toBe(shared);
  });

  test('signals as they are at the start of a program: none ignored, none blocked', async () => {
    const { output } = await shell("grep -E 'Sig(Blk|Ign)' /proc/self/status");
    expect(output.bytes.match(/0{16}/g)).toHaveLength(2);
  });
});

describe('its limits', () => {
  test('are those that were asked for, soft and hard', async () => {
    const rlimits = {
      openFiles: 33,
      coreBytes: 0,
      fileBytes: 4096,
      cpuSeconds: 77,
      processes: 999,
      memoryBytes: 1 << 29,
    };
    // It reads them once the limits are there: until its input comes it waits.
    const { output } = await shell('read line; cat /proc/self/limits', { rlimits, stdin: [Buffer.from('go\n')] });
    const shown = Object.fromEntries(
      Array.from(output.bytes.matchAll(/^Max (.*?) +(\d+) +(\d+) /gm), ([, name, ...both]) => [name, both]),
    );
    expect(shown).toMatchObject({
      'open files': ['33', '33'],
      'core file size': ['0', '0'],
      'file size': ['4096', '4096'],
      'cpu time': ['77', '77'],
      processes: ['999', '999'],
      'address space': [String(1 << 29), String(1 << 29)],
    });
  });

  test('are not raised above those of this process', async () => {
    const { output } = await shell('read line; ulimit -Hn', {
      rlimits: { openFiles: Number.MAX_SAFE_INTEGER },
      stdin: [Buffer.from('go\n')],
    });
    expect(output.bytes).toBe((await shell('ulimit -Hn')).output.bytes);
  });

  test('hold for what it has started before they were set as well', async () => {
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<number>();
    const onLine = (line: string): void => resolve(Number(line));
    // Without the colon the shell would become the command.
    const script = "sh -c 'sleep 1000 & echo $!; wait; :' & wait";
    const started = await spawnProgram(specOf({ argv: ['/bin/sh', '-c', script], onLine, signal: stop.signal }));
    const grandchild = await promise;
    limit(started.pid, { openFiles: 33 });
    for (const pid of [started.pid, grandchild])
      expect(readFileSync(`/proc/${pid}/limits`, 'latin1')).toMatch(/^Max open files +33 +33 /m);
    stop.abort();
    expect(await started.ended).toMatchObject({ how: 'stopped' });
  });

  test('end it by the signal that goes with them', async () => {
    const script = 'read line; while :; do echo more; done > "$0"';
    using place = temporaryDirectory();
    const argv = ['/bin/sh', '-c', script, place.at('file')];
    const stdin = [Buffer.from('go\n')];
    expect(await run({ argv, stdin, rlimits: { fileBytes: 100, coreBytes: 0 } })).toMatchObject({
      how: 'signalled',
      signal: 'SIGXFSZ',
    });
  });
});

/** Stops a shell once it has written a line. */
async function stoppedWhenItSpeaks(
  script: string,
  graceMs = 60_000,
): Promise<{ result: Ended; line: string; signal: AbortSignal }> {
  const stop = new AbortController();
  let first = '';
  const onLine = (line: string): void => {
    first ||= line;
    stop.abort(new Error('enough'));
  };
  const result = await shell(script, { signal: stop.signal, graceMs, onLine });
  return { result, line: first, signal: stop.signal };
}

describe('its end', () => {
  test('an exit code and a signal are told apart', async () => {
    expect(await shell('exit 7')).toMatchObject({ how: 'exited', code: 7 });
    expect(await shell('kill -USR1 $$')).toMatchObject({ how: 'signalled', signal: 'SIGUSR1' });
    // What a shell says of the death of a command is an exit code.
    expect(await shell('sh -c "kill -KILL \\$\\$"; exit $?')).toMatchObject({ how: 'exited', code: 137 });
  });

  test('a program whose time is over is ended by SIGTERM', async () => {
    expect(await shell('exec sleep 1000', { timeoutMs: 50 })).toMatchObject({ how: 'timed-out', needed: 'SIGTERM' });
  });

  test('it is stopped when the caller says so, with all that it started; before the start nothing is started', async () => {
    const { result, line, signal } = await stoppedWhenItSpeaks('sleep 1000 & echo $!; wait');
    expect(result).toMatchObject({ how: 'stopped', needed: 'SIGTERM', held: false });
    expect(isRunning(Number(line))).toBe(false);
    await expect(shell('exit 0', { signal })).rejects.toThrow('enough');
  });

  test('one that ignores SIGTERM is ended by SIGKILL', async () => {
    const { result } = await stoppedWhenItSpeaks('trap "" TERM; echo ready; while :; do sleep 0.1; done', 50);
    expect(result).toMatchObject({ how: 'stopped', needed: 'SIGKILL', held: false });
  });

  test('one that ends by itself upon SIGTERM was stopped all the same', async () => {
    const { result } = await stoppedWhenItSpeaks(
      'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done',
    );
    expect(result).toMatchObject({ how: 'stopped', needed: 'SIGTERM' });
    expect(result.output.bytes).toContain('bye\n');
  });

  test('in the session of this process the program alone is ended', async () => {
    const result = await shell('exec sleep 1000', { session: 'shared', timeoutMs: 50 });
    expect(result).toMatchObject({ how: 'timed-out', needed: 'SIGTERM' });
  });

  test('whom it leaves behind with its output open does not keep the caller waiting, and is left alone', async () => {
    const result = await shell('sleep 1000 & echo $!');
    expect(result).toMatchObject({ how: 'exited', code: 0, held: true });
    const pid = Number(result.output.bytes);
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });
});

describe('its output', () => {
  test('is kept up to a limit, and every line is handed on all the same', async () => {
    let lines = 0;
    const result = await shell('seq 100000', { outputBytesMax: 10, onLine: () => void lines++ });
    expect(result.output).toEqual({ bytes: '1\n2\n3\n4\n5\n', cut: true });
    expect(lines).toBe(100_000);
    expect((await shell('echo 45678901', { outputBytesMax: 9 })).output).toEqual({ bytes: '45678901\n', cut: false });
  });

  test('is bytes, and a last line needs no end', async () => {
    const lines: string[] = [];
    const script = "printf 'a\\377b\\n\\n\\033[31mc'";
    await shell(script, { onLine: (line) => void lines.push(line) });
    expect(lines).toEqual(['a\xffb', '', '\x1b[31mc']);
  });

  test('a line that never ends comes in pieces', async () => {
    const lengths: number[] = [];
    await shell('head -c 1000000 /dev/zero', { onLine: ({ length }) => void lengths.push(length) });
    expect(Math.max(...lengths)).toBeLessThanOrEqual(64 * 1024);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(1_000_000);
  });

  test('is whole even when this process was busy while the program ended', async () => {
    const started = await spawnProgram(specOf({ argv: ['/bin/sh', '-c', 'seq 5000'] }));
    const end = performance.now() + 900;
    while (performance.now() < end);
    expect((await started.ended).output.bytes.length).toBe(23_893);
  });

  test('an error of who gets the lines ends the program and comes back', async () => {
    const reason = new Error('no more');
    const onLine = (): never => {
      throw reason;
    };
    await expect(shell('echo line; exec sleep 1000', { onLine })).rejects.toBe(reason);
  });
});

describe('its input', () => {
  test('need not be read', async () => {
    const endless = function* (): Generator<Uint8Array> {
      for (;;) yield Buffer.alloc(65_536);
    };
    expect(await shell('exit 3', { stdin: endless() })).toMatchObject({ how: 'exited', code: 3 });
    expect(await shell('head -c 3; exec <&-; echo', { stdin: endless() })).toMatchObject({ how: 'exited', code: 0 });
  });

  test('an error of where it comes from ends the program and comes back', async () => {
    const reason = new Error('gone');
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('line\n');
      throw reason;
    };
    await expect(shell('cat; exec sleep 1000', { stdin: broken() })).rejects.toBe(reason);
  });
});

rootTest('a program that is stuck in the kernel is given up, and ends with what it is stuck in', async () => {
  using place = temporaryDirectory();
  const rules = (['RENAME', 'RENAME2'] as const).map((operation) => ({ operation, path: '', answer: 'hold' }));
  await using fuse = await mountFuse(place.at('fuse'), { rules });
  writeFileSync(`${fuse.path}/a`, '');
  const stop = new AbortController();
  const started = await spawnProgram(
    specOf({ argv: ['/bin/mv', 'a', 'b'], cwd: fuse.path, graceMs: 100, signal: stop.signal }),
  );
  await fuse.held(1);
  stop.abort();
  expect(await started.ended).toMatchObject({ how: 'stopped', needed: 'more' });
  expect(isRunning(started.pid)).toBe(true);
  await fuse.abort();
});

test('errors leave nothing: a hundred refused starts with pipes for input and output', async () => {
  for (let i = 0; i < 100; i++) await refusalOf({ argv: ['/bin/true'], env: { A: 'x'.repeat(1 << 20) }, stdin: [] });
  await expectGivenBack(before);
});
