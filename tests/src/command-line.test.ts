import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { file, temporaryDirectory, writeTree } from '@emplace/fixtures';
import { rootTest, toolTest } from '@emplace/fixtures/jest';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { emplace, start, waitsWhile } from './running.ts';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], cwd?: string): Ran {
  const { status, stdout, stderr } = spawnSync(emplace, args, {
    encoding: 'utf8',
    ...(cwd === undefined ? {} : { cwd }),
  });
  return { status, stdout, stderr };
}

function runJson(args: readonly string[]): { status: number | null; json: Record<string, unknown>; stderr: string } {
  const { status, stdout, stderr } = run([...args, '--json']);
  return { status, json: JSON.parse(stdout) as Record<string, unknown>, stderr };
}

/** `count` small files in 20 directories below `top`. */
function files(top: string, count: number, content: string): void {
  writeTree(
    top,
    Array.from({ length: count }, (_, i) => file(`d${i % 20}/file-${i}`, `${content} ${i}`)),
  );
}

/** How often each traced call succeeded or failed while the command ran. */
function traced(calls: string, trace: string, args: readonly string[]): string[] {
  const { status, stderr } = spawnSync(
    'strace',
    ['-f', '-qq', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', trace, emplace, ...args],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return readFileSync(trace, 'latin1')
    .split('\n')
    .filter((line) => /\b(?:link|linkat|rename|renameat|renameat2)\(/.test(line));
}

beforeAll(() => {
  // The first start of a checkout installs and builds.
  expect(run(['--version']).status).toBe(0);
}, 300_000);

describe('./emplace', () => {
  test('runs from any directory, by symlinks to it, and by its name', () => {
    using work = temporaryDirectory();
    symlinkSync(emplace, work.at('one'));
    symlinkSync('one', work.at('two'));
    const PATH = `${dirname(emplace)}:${process.env.PATH}`;
    for (const [command, env] of [
      [work.at('two'), {}],
      ['./two', {}],
      ['emplace', { PATH }],
      [relative(work.path, emplace), {}],
    ] as const) {
      const { status, stdout, stderr } = spawnSync(command, ['merge', 'no-image', '--root', '.', '--json'], {
        cwd: work.path,
        encoding: 'utf8',
        env: { ...process.env, ...env },
      });
      expect({ command, status, stderr }).toEqual({ command, status: 2, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'IMAGE_MISSING' } });
    }
  });

  rootTest('runs in a checkout that is read-only', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 3, 'new');
    const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$0" merge "$2" --root "$3"';
    const args = [script, emplace, dirname(emplace), work.at('image'), work.make('root')];
    const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', ...args];
    const { status, stderr } = spawnSync('unshare', unshare, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(work.at('root'))).toEqual(['d0', 'd1', 'd2']);
  });
});

describe('emplace merge', () => {
  test('tells what it did as one JSON object, and leaves the root with the image and nothing else', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 100, 'new');
    files(work.make('root'), 50, 'old');
    const { status, json } = runJson(['merge', work.at('image'), '--root', work.at('root')]);
    expect(status).toBe(0);
    expect(json).toMatchObject({
      outcome: 'merged',
      counts: { created: 50, replaced: 50, identical: 0, grafted: 0, skipped: 0 },
      strategies: { rename: 100 },
      warnings: [],
    });
    expect(json.transaction).toMatch(/^[a-z2-7]{8}$/);
    expect(json.bytes).toBeGreaterThan(0);
    expect(readdirSync(work.at('root')).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(readdirSync(work.at('image'))).toEqual([]);
    expect(readFileSync(work.at('root/d3/file-3'), 'utf8')).toBe('new 3');
  });

  test('takes relative paths as the caller’s', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 3, 'new');
    work.make('root');
    expect(run(['merge', 'image', '--root', 'root'], work.path).status).toBe(0);
    expect(readdirSync(work.at('root'))).toEqual(['d0', 'd1', 'd2']);
  });

  test('takes what follows a list of `--lossy` as the image', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 3, 'new');
    work.make('root');
    const { status, stderr } = run(['merge', '--root', work.at('root'), '--lossy', 'owner,mode', work.at('image')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(work.at('root'))).toEqual(['d0', 'd1', 'd2']);
  });

  test('prints its plan and touches nothing with --dry-run', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 40, 'new');
    files(work.make('root'), 20, 'old');
    appendFileSync(work.at('image/d0/tool'), 'tool');
    mkdirSync(work.at('image/fresh'));
    const { status, stdout } = run(['merge', work.at('image'), '--root', work.at('root'), '--dry-run']);
    expect(status).toBe(0);
    expect(stdout).toContain('replace  d0/file-0  (rename, undo: link)');
    expect(stdout).toContain('create   d0/tool  (rename)');
    expect(stdout).toContain('graft    fresh/  (rename)');
    expect(stdout).toMatch(/planned: 22 created, 20 replaced, 1 grafted/);
    const { json } = runJson(['merge', work.at('image'), '--root', work.at('root'), '--dry-run', '--undo', 'none']);
    expect(json).toMatchObject({
      outcome: 'planned',
      risks: ['20 entries are replaced without undo: once committed the merge can only be completed'],
    });
    expect((json.plan as unknown[]).length).toBe(42);
    expect(readdirSync(work.at('root'))).not.toContain('fresh');
  });

  toolTest('strace', 'makes no link call while replacing 1,000 files with --no-hardlink, with undo (G8)', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 1_000, 'new');
    files(work.make('root'), 1_000, 'old');
    // A program among them: it is not exchanged, its undo is a copy.
    for (const tree of ['image', 'root'])
      writeTree(work.at(tree), [file('d0/program', `#!/bin/sh\n# ${tree}\n`, { mode: 0o755 })]);
    const args = ['merge', work.at('image'), '--root', work.at('root')];
    const planned = runJson([...args, '--no-hardlink', '--dry-run']).json.plan as { path: string; undo: string }[];
    expect(new Set(planned.map(({ undo }) => undo))).toEqual(new Set(['exchange', 'copy']));
    expect(planned.find(({ path }) => path === 'd0/program')).toMatchObject({ undo: 'copy' });
    expect(traced('link,linkat', work.at('trace'), [...args, '--no-hardlink'])).toEqual([]);
    expect(readFileSync(work.at('root/d7/file-7'), 'utf8')).toBe('new 7');
    // The control: with links there are a thousand, and one that asks whether they work.
    files(work.make('image'), 1_000, 'newer');
    expect(traced('link,linkat', work.at('trace'), args).length).toBe(1_001);
  });

  toolTest('strace', 'brings 20,000 new files in on the same mount with fewer than 10 renames', () => {
    using work = temporaryDirectory();
    files(work.make('image/usr/share'), 20_000, 'new');
    work.make('root/usr');
    const renames = traced('rename,renameat,renameat2', work.at('trace'), [
      'merge',
      work.at('image'),
      '--root',
      work.at('root'),
    ]);
    expect(renames.length).toBeLessThan(10);
    expect(readdirSync(work.at('root/usr/share')).length).toBe(20);
  });

  test('shows no image or staged path in /proc of a process that runs what it replaced (G9)', async () => {
    for (const args of [
      [],
      ['--strategy', 'double-rename'],
      ['--strategy', 'hardlink'],
      ['--strategy', 'copy'],
      ['--no-hardlink'],
    ]) {
      using work = temporaryDirectory();
      const sleep = readFileSync('/bin/sleep');
      writeTree(work.make('root'), [file('bin/sleep', sleep, { mode: 0o755 })]);
      writeTree(work.make('image'), [file('bin/sleep', Buffer.concat([sleep, Buffer.from('2')]), { mode: 0o755 })]);
      const child = spawn(work.at('root/bin/sleep'), ['60']);
      await once(child, 'spawn');
      try {
        expect(run(['merge', work.at('image'), '--root', work.at('root'), ...args]).stderr).toBe('');
        expect(readlinkSync(`/proc/${child.pid}/exe`)).toBe(`${work.at('root/bin/sleep')} (deleted)`);
        const maps = readFileSync(`/proc/${child.pid}/maps`, 'latin1');
        expect(maps).not.toMatch(/\.emplace|\/image\//);
      } finally {
        await ended(child);
      }
    }
  });

  test('escapes what a hostile name could do to a terminal', () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [file(Buffer.from('a\x1b]0;owned\x07\n\xffb', 'latin1'), 'x')]);
    work.make('root');
    const { stdout } = run(['merge', work.at('image'), '--root', work.at('root'), '--dry-run']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    expect(stdout).toContain('a\\x1b]0;owned\\x07\\x0a\\xffb');
  });
});

test('what is piped in is no argument, and stays for who reads it next', () => {
  const script = '"$0" mounts >/dev/null && cat';
  const { status, stdout } = spawnSync('/bin/sh', ['-c', script, emplace], { encoding: 'utf8', input: '/nowhere' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '/nowhere' });
});

describe('emplace ends with', () => {
  test.each([
    ['no --root', ['merge', '/nowhere'], 'USAGE'],
    ['a flag that there is not', ['merge', '/nowhere', '--root', '/', '--hurry'], 'USAGE'],
    ['a value that there is not', ['merge', '/nowhere', '--root', '/', '--sync', 'perhaps'], 'USAGE'],
    ['an image that does not exist', ['merge', '/nowhere', '--root', '/tmp'], 'IMAGE_MISSING'],
    ['an unknown strategy', ['merge', '/tmp', '--root', '/', '--strategy', 'magic'], 'UNKNOWN_STRATEGY'],
  ])('2 for %s', (_what, args, code) => {
    const { status, stderr } = run(args);
    expect(status).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
    const { json } = runJson(args);
    expect(json).toMatchObject({ outcome: 'refused', error: { code } });
    expect((json.error as { hint: string }).hint).toMatch(/^[A-Z]/);
  });

  test('that of the command when the reader of its output went away', () => {
    const status = (args: string): string =>
      spawnSync('bash', ['-c', `"$0" ${args} | true; echo "${'$'}{PIPESTATUS[0]}"`, emplace], { encoding: 'utf8' })
        .stdout;
    expect([status('merge --help'), status('merge --bogus 2>&1')]).toEqual(['0\n', '2\n']);
  });

  test('3 for what it refuses, with code, message and hint on stderr and nothing on stdout', () => {
    using work = temporaryDirectory();
    files(work.make('image'), 3, 'x');
    writeFileSync(join(work.make('root'), 'd0'), 'a file');
    const { status, stdout, stderr } = run(['merge', work.at('image'), '--root', work.at('root')]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toBe(
      'refused, nothing was changed: `d0` is a directory in the image and a file in the root\n' +
        'TYPE_CONFLICT. Move the old entry away, or pass `--replace-types` to swap it\n',
    );
  });

  test.each([
    ['143 for SIGTERM while it is staged: the old tree is back', 'stage', 'pre-commit', 'INTERRUPTED', 'old 7'],
    ['143 for SIGTERM after its commit point: the merge is completed', 'commit', 'post-commit', undefined, 'new 7'],
  ] as const)('%s', async (_what, phase, hookPhase, code, content) => {
    using work = temporaryDirectory();
    files(work.make('image'), 3_000, 'new');
    files(work.make('root'), 3_000, 'old');
    // However late the signal comes: it gets no further.
    const shut = work.at('shut');
    const options = ['--strategy', 'copy', '--json', ...waitsWhile(shut, hookPhase)];
    const merge = start(['merge', work.at('image'), '--root', work.at('root'), ...options]);
    await merge.saw(`"phase":"${phase}"`);
    merge.child.kill('SIGTERM');
    rmSync(shut);
    const { status } = await merge.ended;
    const { error } = JSON.parse(await merge.stdout) as { error?: { code: string } };
    expect({ status, code: error?.code }).toEqual({ status: 143, code });
    expect(readFileSync(work.at('root/d7/file-7'), 'utf8')).toBe(content);
    expect(readdirSync(work.at('root')).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(readdirSync(work.at('root/d7')).filter((name) => name.includes('.emplace'))).toEqual([]);
  });

  test('7 where the report finds no room, and none of its own where only what is said meanwhile does', () => {
    for (const [redirection, status] of [
      ['>/dev/full', 7],
      ['2>/dev/full', 0],
    ] as const) {
      using work = temporaryDirectory();
      files(work.make('image'), 40, 'new');
      files(work.make('root'), 40, 'old');
      const args = ['merge', work.at('image'), '--root', work.at('root'), '--progress', 'json'];
      const ended = spawnSync('/bin/sh', ['-c', `exec "$0" "$@" ${redirection}`, emplace, ...args], {
        encoding: 'utf8',
      });
      expect({ redirection, status: ended.status }).toEqual({ redirection, status });
      expect(ended.stderr).not.toContain('    at ');
      expect(readFileSync(work.at('root/d7/file-7'), 'utf8')).toBe('new 7');
      expect(readdirSync(work.at('root')).filter((name) => name.startsWith('.'))).toEqual([]);
    }
  });

  test('6 while another merge holds the root, and says which (G5)', async () => {
    using work = temporaryDirectory();
    files(work.make('image'), 3, 'x');
    work.make('root');
    // Another process holds the lock until its stdin ends.
    mkdirSync(work.at('root/.emplace'), { mode: 0o700 });
    writeFileSync(work.at('root/.emplace/lock'), '');
    writeFileSync(
      work.at('root/.emplace/owner'),
      JSON.stringify({ pid: 4711, command: 'other \x1b\u2028\x9b merge', since: 'noon' }),
    );
    const holder = spawn('flock', [work.at('root/.emplace/lock'), 'sh', '-c', 'echo held; cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const { status, json } = runJson(['merge', work.at('image'), '--root', work.at('root')]);
    expect({ status, json }).toMatchObject({ status: 6, json: { outcome: 'locked', error: { code: 'LOCKED' } } });
    // Whatever bytes it has: they are neither a line's end to us nor orders to a terminal.
    expect(JSON.stringify(json)).toContain('process 4711');
    expect(JSON.stringify(json)).not.toMatch(/[\u2028\x9b]/);
    holder.stdin.end();
    await once(holder, 'exit');
    expect(run(['merge', work.at('image'), '--root', work.at('root')]).status).toBe(0);
    expect(readdirSync(work.at('root'))).toEqual(['d0', 'd1', 'd2']);
  });

  test('0 and nothing-to-recover where no merge was left', () => {
    using work = temporaryDirectory();
    expect(runJson(['recover', '--root', work.path])).toMatchObject({
      status: 0,
      json: { outcome: 'nothing-to-recover' },
    });
  });

  test('0 after it recovered a killed merge, each way', () => {
    for (const [flags, outcome, content] of [
      [[], 'recovered', 'new 1'],
      [['--rollback'], 'rolled-back', 'old 1'],
    ] as const) {
      using work = temporaryDirectory();
      files(work.make('image'), 40, 'new');
      files(work.make('root'), 40, 'old');
      expect(killAtCommit(work.at('image'), work.at('root')).signal).toBe('SIGKILL');
      expect(readdirSync(work.at('root'))).toContain('.emplace');
      expect(runJson(['recover', '--root', work.at('root'), ...flags])).toMatchObject({ status: 0, json: { outcome } });
      expect(readFileSync(work.at('root/d1/file-1'), 'utf8')).toBe(content);
      expect(readdirSync(work.at('root'))).not.toContain('.emplace');
    }
  });
});

/** A merge that is killed in the middle of its commit loop. */
function killAtCommit(image: string, root: string): ReturnType<typeof spawnSync> {
  const child = fileURLToPath(new URL('./children/merge-until.ts', import.meta.url));
  return spawnSync(process.execPath, ['--conditions=@emplace/source', child, image, root, 'rename:20']);
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, 'exit');
}
