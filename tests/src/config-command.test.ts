import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { emplace } from './running.ts';

const BASE = 'one\ntwo\nthree\nfour\nfive\nsix\n';
const MINE = BASE.replace('two', 'TWO');
const THEIRS = BASE.replace('six', 'SIX');
const MERGED = MINE.replace('six', 'SIX');

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface How {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function run(work: TemporaryDirectory, args: readonly string[], { input, cwd, env }: How = {}): Ran {
  const { status, stdout, stderr } = spawnSync(emplace, ['config', ...args, '--root', work.at('root')], {
    encoding: 'latin1',
    cwd: cwd ?? work.path,
    env: { ...process.env, FORCE_COLOR: undefined, ...env },
    ...(input !== undefined && { input }),
  });
  return { status, stdout, stderr };
}

function runJson(work: TemporaryDirectory, args: readonly string[]): { status: number | null; files: unknown } {
  const { status, stdout } = run(work, [...args, '--json']);
  return { status, files: (JSON.parse(stdout) as { files: unknown }).files };
}

/** `files` below `etc`, and below the pristine copies where their name starts with `base:`. */
function scene(files: Readonly<Record<string, string>>): TemporaryDirectory {
  const work = temporaryDirectory();
  const [etc, pristine] = [work.make('root/etc'), work.make('root/var/lib/emplace/pristine/etc')];
  for (const [name, content] of Object.entries(files))
    writeFileSync(name.startsWith('base:') ? `${pristine}/${name.slice(5)}` : `${etc}/${name}`, content);
  return work;
}

const mergeable = { app: MINE, '._cfg0000_app': 'obsolete\n', '._cfg0001_app': THEIRS, 'base:app': BASE };
const conflict = { con: 'a\nmine\nc\n', '._cfg0000_con': 'a\ntheirs\nc\n', 'base:con': 'a\nb\nc\n' };
const noBase = { two: 'a\nb\n', '._cfg0000_two': 'a\nB\n' };
const noText = { bin: 'a\0', '._cfg0000_bin': 'b\0' };
const trivial = { triv: '# mine\nx=1\n', '._cfg0000_triv': '# theirs\nx=1\n' };

const etc = (work: TemporaryDirectory, name: string): string => readFileSync(work.at(`root/etc/${name}`), 'latin1');
const waiting = (work: TemporaryDirectory): string[] =>
  readdirSync(work.at('root/etc')).filter((name) => name.startsWith('.'));

beforeAll(() => {
  // The first start of a checkout installs and builds.
  expect(spawnSync(emplace, ['--version']).status).toBe(0);
}, 300_000);

describe('emplace config list', () => {
  test('tells what waits, by number', () => {
    using work = scene({ ...mergeable, ...noBase, ...noText, ...trivial });
    expect(run(work, ['list'])).toEqual({
      status: 0,
      stdout: [
        '1  /etc/app: differs, merges three ways',
        '     ._cfg0001_app (28 B), obsolete: ._cfg0000_app',
        '2  /etc/bin: differs, no text',
        '     ._cfg0000_bin (2 B)',
        '3  /etc/triv: differs in blanks and comments alone, no earlier text known',
        '     ._cfg0000_triv (13 B)',
        '4  /etc/two: differs, no earlier text known',
        '     ._cfg0000_two (4 B)',
        '4 files, 5 updates\n',
      ].join('\n'),
      stderr: '',
    });
    expect(runJson(work, ['list']).files).toMatchObject([
      {
        number: 1,
        path: '/etc/app',
        type: 'file',
        difference: 'text',
        hasBase: true,
        owners: [],
        updates: [
          { number: 0, path: '/etc/._cfg0000_app', obsolete: true },
          { number: 1, path: '/etc/._cfg0001_app', size: 28, obsolete: false },
        ],
      },
      { number: 2, difference: 'binary' },
      { number: 3, difference: 'trivial' },
      { number: 4, hasBase: false },
    ]);
  });

  test('looks where it is told to: --config-protect, or what Portage’s configuration says', () => {
    using work = scene(noBase);
    work.make('root/opt/conf');
    work.make('root/etc/portage');
    writeFileSync(work.at('root/opt/conf/._cfg0000_x'), '');
    writeFileSync(work.at('root/etc/portage/make.conf'), 'CONFIG_PROTECT="-* /opt/conf"\n');
    const paths = (...args: string[]): unknown =>
      (runJson(work, ['list', ...args]).files as { path: string }[]).map(({ path }) => path);
    expect(paths()).toEqual(['/etc/two']);
    expect(paths('--config-protect', '/opt')).toEqual(['/opt/conf/x']);
    expect(paths('--portage-config')).toEqual(['/opt/conf/x']);
  });
});

describe('emplace config diff', () => {
  test('is byte for byte for patch(1) where it is not read by a person', () => {
    using work = scene({ odd: 'a\n\xff\x1b[2J\n', '._cfg0000_odd': 'a\n\xff\x1b[3J' });
    writeFileSync(work.at('root/etc/odd'), Buffer.from('a\n\xff\x1b[2J\n', 'latin1'));
    writeFileSync(work.at('root/etc/._cfg0000_odd'), Buffer.from('a\n\xff\x1b[3J', 'latin1'));
    expect(run(work, ['diff', '/etc/odd'])).toEqual({
      status: 0,
      stdout:
        '--- /etc/odd\n+++ /etc/._cfg0000_odd\n@@ -1,2 +1,2 @@\n a\n-\xff\x1b[2J\n+\xff\x1b[3J\n\\ No newline at end of file\n',
      stderr: '',
    });
    expect(run(work, ['diff'], { env: { FORCE_COLOR: '1' } }).stdout).toContain('\x1b[32m+');
    expect(run(work, ['diff'], { env: { NO_COLOR: '1' } }).stdout).not.toContain('\x1b[32m+');
  });

  test('--three-way says who changed what', () => {
    using work = scene({ ...mergeable, ...conflict, ...noBase });
    expect(run(work, ['diff', '--three-way', '1', '2']).stdout.split('\n')).toEqual([
      ...['--- /etc/app', '+++ /etc/._cfg0001_app', '1 change of the update, 0 conflicts'],
      ...['@@ line 2 @@ changed here', ' one', '-two', '+TWO', ' three', ' four', ' five'],
      ...['@@ line 6 @@ changed by the update', ' three', ' four', ' five', '-six', '+SIX'],
      ...['--- /etc/con', '+++ /etc/._cfg0000_con', '0 changes of the update, 1 conflict'],
      ...['@@ line 2 @@ changed here and by the update: a conflict', ' a', '<<<<<<< mine', ' mine'],
      ...['||||||| as it was shipped before', ' b', '=======', ' theirs', '>>>>>>> theirs', ' c', ''],
    ]);
    expect(run(work, ['diff', '--three-way', '/etc/two']).stdout).toContain('no earlier text is known');
    const { files } = runJson(work, ['diff', '1']);
    expect(files).toMatchObject([
      {
        path: '/etc/app',
        hasBase: true,
        hunks: [{ range: '-1,6 +1,6' }],
        pieces: [{ kind: 'mine' }, { kind: 'theirs' }],
      },
    ]);
  });

  test('ends with 7 where something cannot be compared', () => {
    using work = scene({ ...noText, ...noBase });
    const { status, stdout } = run(work, ['diff']);
    expect({ status, first: stdout.split('\n')[0] }).toEqual({ status: 7, first: '`/etc/bin` is no text' });
    expect(stdout).toContain('+B\n');
  });

  toolTest('script', 'shows a person on a terminal colours, and nothing that the text could do to it', () => {
    using work = scene({ x: 'a\n', '._cfg0000_x': 'a\n\t\x1b]0;title\x07\n' });
    const shown = (env: string): string =>
      spawnSync('script', ['-qec', `${env} '${emplace}' config diff --root root`, '/dev/null'], {
        cwd: work.path,
        encoding: 'utf8',
        // CI, as Node has it, is no terminal for colours.
        env: { ...process.env, TERM: 'xterm', FORCE_COLOR: undefined, NO_COLOR: undefined, CI: undefined },
      }).stdout;
    expect(shown('')).toContain('\x1b[32m+\t\\x1b]0;title\\x07\x1b[39m');
    expect(shown('NO_COLOR=1')).toContain('\n+\t\\x1b]0;title\\x07\r\n');
    expect(shown('NO_COLOR=1')).not.toContain('\x1b');
  });
});

describe('emplace config merge', () => {
  test('--auto merges all that has no conflict, and leaves the rest to wait (exit 7)', () => {
    using work = scene({ ...mergeable, ...conflict, ...noBase, ...noText });
    expect(run(work, ['merge', '--auto', '--dry-run']).stdout).toContain('would merge /etc/app\n');
    expect(etc(work, 'app')).toBe(MINE);
    expect(run(work, ['merge', '--auto'])).toEqual({
      status: 7,
      stdout: [
        'merged /etc/app (with 1 older)',
        'left /etc/bin: `/etc/bin` is no text: accept or reject its update',
        'left /etc/con: 1 conflict',
        'left /etc/two: no earlier text is known, 1 difference\n',
      ].join('\n'),
      stderr: '',
    });
    expect(etc(work, 'app')).toBe(MERGED);
    expect(waiting(work)).toEqual(['._cfg0000_bin', '._cfg0000_con', '._cfg0000_two']);
    expect(readFileSync(work.at('root/var/lib/emplace/pristine/etc/app'), 'utf8')).toBe(THEIRS);
    expect(lstatSync(work.at('root/var/lib/emplace/pristine/etc/app')).mode & 0o777).toBe(0o600);
    expect(readdirSync(work.at('root')).sort()).toEqual(['etc', 'var']);
  });

  test('--auto-trivial merges what differs in blanks and comments, and nothing else', () => {
    using work = scene({ ...mergeable, ...trivial });
    const { status, files } = runJson(work, ['merge', '--auto-trivial']);
    expect(status).toBe(7);
    expect(files).toMatchObject([
      { path: '/etc/app', outcome: 'not-trivial' },
      { path: '/etc/triv', outcome: 'merged', removed: ['/etc/._cfg0000_triv'] },
    ]);
    expect(etc(work, 'triv')).toBe('# theirs\nx=1\n');
    expect(run(work, ['merge', '--auto-trivial', '--auto']).status).toBe(0);
  });

  test('--prefer decides conflicts', () => {
    for (const [side, content] of [
      ['mine', 'a\nmine\nc\n'],
      ['theirs', 'a\ntheirs\nc\n'],
    ] as const) {
      using work = scene(conflict);
      expect(run(work, ['merge', '--prefer', side, '/etc/con']).status).toBe(0);
      expect(etc(work, 'con')).toBe(content);
      expect(waiting(work)).toEqual([]);
    }
  });

  test('asks for each conflict: mine, theirs, an editor, skip, quit', () => {
    const both = { ...conflict, other: 'x\n', '._cfg0000_other': 'y\n' };
    const ask = (input: string, env: Record<string, string> = {}) => {
      using work = scene(both);
      const { status, stderr } = run(work, ['merge', '--interactive'], { input, env });
      expect(stderr).toContain('1 of 1: mine, theirs, edit, skip, quit');
      return [status, etc(work, 'con'), etc(work, 'other'), waiting(work).length];
    };
    const [mine, theirs] = ['a\nmine\nc\n', 'a\ntheirs\nc\n'];
    expect(ask('m\nt\n')).toEqual([0, mine, 'y\n', 0]);
    expect(ask('theirs\nwhat?\nm\n')).toEqual([0, theirs, 'x\n', 0]);
    expect(ask('s\nt\n')).toEqual([7, mine, 'y\n', 1]);
    expect(ask('q\n')).toEqual([7, mine, 'x\n', 2]);
    // Nobody answers any more.
    expect(ask('t\n')).toEqual([7, theirs, 'x\n', 1]);
    const editor = { VISUAL: 'printf edited\\\\n >"$MERGED"; :' };
    expect(ask('e\ns\n', editor)).toEqual([7, 'a\nedited\nc\n', 'x\n', 1]);
    // Marks that are left, or an editor that fails, decide nothing.
    expect(ask('e\nm\ns\n', { VISUAL: 'true' })).toEqual([7, mine, 'x\n', 1]);
    expect(ask('e\nm\ns\n', { VISUAL: 'false' })).toEqual([7, mine, 'x\n', 1]);
  });

  toolTest('script', 'asks on a terminal without being told to', () => {
    using work = scene(noBase);
    const { status } = spawnSync('script', ['-qec', `'${emplace}' config merge --root root`, '/dev/null'], {
      cwd: work.path,
      input: 't\n',
    });
    expect({ status, content: etc(work, 'two') }).toEqual({ status: 0, content: 'a\nB\n' });
  });

  test('stopped by a signal while it asks leaves the file and its update', async () => {
    using work = scene(conflict);
    const child = spawn(emplace, ['config', 'merge', '--interactive', '--root', work.at('root')], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let asked = '';
    for await (const chunk of child.stderr) {
      asked += String(chunk);
      if (asked.includes('quit [')) break;
    }
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    expect((await ended)[0]).toBe(130);
    expect([etc(work, 'con'), waiting(work)]).toEqual(['a\nmine\nc\n', ['._cfg0000_con']]);
    expect(readdirSync(work.at('root')).sort()).toEqual(['etc', 'var']);
  });

  test('--tool merges what has conflicts, from files that only we can read', () => {
    using work = scene(conflict);
    const tool = `stat -c %a "$MERGED" "$(dirname "$MERGED")" >'${work.at('modes')}'; cat "$LOCAL" "$BASE" "$REMOTE" >"$MERGED"`;
    expect(run(work, ['merge', '--tool', tool, '/etc/con']).status).toBe(0);
    expect(etc(work, 'con')).toBe('a\nmine\nc\na\nb\nc\na\ntheirs\nc\n');
    expect(readFileSync(work.at('modes'), 'utf8')).toBe('600\n700\n');
  });

  test('a --tool that fails, or decides nothing, leaves the file: MERGE_TOOL_FAILED', () => {
    using work = scene(conflict);
    const failed = run(work, ['merge', '--tool', 'exit 3', '/etc/con']);
    expect(failed.status).toBe(3);
    expect(failed.stderr).toMatch(/^left: the program that was to merge ended with 3\nMERGE_TOOL_FAILED\. /);
    expect(run(work, ['merge', '--tool', 'true', '/etc/con']).status).toBe(7);
    expect([etc(work, 'con'), waiting(work)]).toEqual(['a\nmine\nc\n', ['._cfg0000_con']]);
  });

  test('does nothing where nobody says which files, or how', () => {
    using work = scene(mergeable);
    expect(run(work, ['merge'], { input: '' })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('BAD_OPTION'),
    });
    expect(etc(work, 'app')).toBe(MINE);
  });
});

describe('emplace config accept and reject', () => {
  test('settle files by number, by path, or all', () => {
    using work = scene({ ...mergeable, ...conflict, ...noBase, ...noText });
    expect(run(work, ['accept', '1', '/etc/bin'])).toMatchObject({
      status: 0,
      stdout: 'accepted /etc/app (with 1 older)\naccepted /etc/bin\n',
    });
    expect([etc(work, 'app'), etc(work, 'bin')]).toEqual([THEIRS, 'b\0']);
    expect(run(work, ['reject', 'two'], { cwd: work.at('root/etc') }).status).toBe(0);
    const { status, files } = runJson(work, ['reject', '--all']);
    expect({ status, files }).toEqual({
      status: 0,
      files: [
        {
          path: '/etc/con',
          update: '/etc/._cfg0000_con',
          outcome: 'rejected',
          removed: ['/etc/._cfg0000_con'],
          warnings: [],
        },
      ],
    });
    expect(waiting(work)).toEqual([]);
  });

  test('refuse one file and settle the others (exit 3)', () => {
    using work = scene({ ...noBase, '._cfg0000_way': 'file' });
    work.make('root/etc/way');
    const { status, stdout, stderr } = run(work, ['accept', '--all']);
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'accepted /etc/two\n' });
    expect(stderr).toMatch(/^refused: `\/etc\/way` is a directory: move it away first\nCONFIG_UPDATE_UNUSABLE\. /);
    expect(waiting(work)).toEqual(['._cfg0000_way']);
  });

  test('name no file that does not wait (exit 2), and none at all only with --all', () => {
    using work = scene(noBase);
    for (const args of [['accept', '9'], ['accept', '/etc/other'], ['accept'], ['reject']])
      expect({ args, status: run(work, args).status }).toEqual({ args, status: 2 });
    expect(waiting(work)).toEqual(['._cfg0000_two']);
  });
});

test('what a merge offers is merged with what the administrator wrote, from one version to the next', () => {
  using work = temporaryDirectory();
  work.make('root/etc');
  work.make('root/var/db/pkg');
  const version = (number: number, content: string): Ran => {
    work.make('image/etc');
    work.make('info');
    writeFileSync(work.at('image/etc/app.conf'), content);
    writeFileSync(work.at('info/SLOT'), '0\n');
    const args = ['merge', work.at('image'), '--root', work.at('root'), '--package', `app-misc/app-${number}`];
    const all = [...args, '--build-info', work.at('info'), '--config-protect', '/etc'];
    const { status, stdout, stderr } = spawnSync(emplace, all, { encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  expect(version(1, BASE)).toMatchObject({ status: 0 });
  appendFileSync(work.at('root/etc/app.conf'), 'mine\n');
  const second = BASE.replace('one', 'ONE');
  expect(version(2, second)).toMatchObject({ status: 0 });
  expect(runJson(work, ['list']).files).toMatchObject([{ hasBase: true, owners: ['app-misc/app-2'] }]);
  expect(run(work, ['merge', '--auto']).stdout).toBe('merged /etc/app.conf\n');
  expect(etc(work, 'app.conf')).toBe(`${second}mine\n`);
  const third = second.replace('two', 'TWO');
  expect(version(3, third)).toMatchObject({ status: 0 });
  expect(run(work, ['merge', '--auto']).status).toBe(0);
  expect(etc(work, 'app.conf')).toBe(`${third}mine\n`);
});
