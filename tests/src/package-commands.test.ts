/** What the command line does of packages: merge, unmerge, owner, verify, by flags and by requests. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { directory, file, type TemporaryDirectory, temporaryDirectory, writeTree } from '@emplace/fixtures';
import { beforeAll, describe, expect, test } from '@jest/globals';

const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));
const ESCAPE = '\u001b';
/** A name with an escape sequence and a byte that is no UTF-8. */
const HOSTILE = Buffer.from('caf\xe9\x1b[31m', 'latin1');

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], options: { cwd?: string; input?: string | Buffer; env?: object } = {}): Ran {
  const { env, ...rest } = options;
  const { status, stdout, stderr } = spawnSync(emplace, args, {
    encoding: 'utf8',
    ...rest,
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

/** What any of the commands prints with `--json`; each has some of it. */
interface Printed {
  readonly outcome: string;
  readonly counts: { readonly removed: number };
  readonly plan: readonly object[];
  readonly protected: readonly object[];
  readonly ledger: { readonly verdicts: readonly object[] };
  readonly packages: readonly { readonly findings: readonly object[] }[];
  readonly error: { readonly code: string; readonly problems: readonly object[] };
}

function runJson(
  args: readonly string[],
  options?: Parameters<typeof run>[1],
): { status: number | null; json: Printed } {
  const { status, stdout } = run([...args, '--json'], options);
  return { status, json: JSON.parse(stdout) as Printed };
}

/** Two images of a package, and an empty root. */
class Scene implements Disposable {
  readonly work: TemporaryDirectory = temporaryDirectory();
  readonly root: string = this.work.make('root');

  constructor() {
    for (const version of [1, 2]) this.image(version);
    writeTree(this.work.make('build-info'), [file('SLOT', '0\n'), file('EAPI', '8\n')]);
  }

  image(version: number): string {
    const top = this.work.make(`image-${version}`);
    writeTree(top, [
      ...['etc', 'usr', 'usr/bin', `usr/share-${version}`].map((path) => directory(path)),
      file('etc/app.conf', `version = ${version}\n`),
      file('usr/bin/app', `program ${version}`, { mode: 0o755 }),
      file(`usr/share-${version}/data`, 'data'),
    ]);
    return top;
  }

  at(path: string): string {
    return this.work.at(`root/${path}`);
  }

  /** Arguments that merge `app-misc/app-VERSION`. */
  merge(version: number, ...more: readonly string[]): string[] {
    const name = ['--package', `app-misc/app-${version}`, '--build-info', this.work.at('build-info')];
    return ['merge', this.work.at(`image-${version}`), '--root', this.root, ...name, ...more];
  }

  [Symbol.dispose](): void {
    this.work[Symbol.dispose]();
  }
}

const PROTECT = ['--config-protect', '/etc'];

beforeAll(() => {
  // The first start of a checkout installs and builds.
  expect(run(['--version']).status).toBe(0);
}, 300_000);

describe('emplace merge --package', () => {
  test('records the package, and tells what an upgrade replaced, removed and protected', () => {
    using scene = new Scene();
    expect(run(scene.merge(1, ...PROTECT))).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('app-misc/app-1'),
    });
    expect(readFileSync(scene.at('var/db/pkg/app-misc/app-1/CONTENTS'), 'utf8')).toContain('obj /usr/bin/app ');
    expect(readFileSync(scene.at('var/db/pkg/app-misc/app-1/EAPI'), 'utf8')).toBe('8\n');
    appendFileSync(scene.at('etc/app.conf'), 'mine = 1\n');

    const planned = run(scene.merge(2, ...PROTECT, '--dry-run')).stdout;
    expect(planned).toContain('create   etc/._cfg0000_app.conf  (rename, `app.conf` is protected)\n');
    expect(planned).toContain('remove   usr/share-1/data  (obsolete, undo: move)\n');
    expect(planned).toContain('drop     usr/share-1  (if nothing is left in it)\n');
    expect(planned).toContain('remove   var/db/pkg/app-misc/app-1/  (record, undo: move)\n');
    expect(planned).toContain('create   var/db/pkg/app-misc/app-2/  (record)\n');
    expect(existsSync(scene.at('usr/share-1/data'))).toBe(true);

    const { status, stdout } = run(scene.merge(2, ...PROTECT));
    expect(status).toBe(0);
    expect(stdout).toMatch(/^merged: .*, 2 removed /);
    expect(stdout).toContain('package: app-misc/app-2, in place of app-misc/app-1\n');
    expect(stdout).toContain('protected: etc/app.conf: its update is etc/._cfg0000_app.conf\n');
    expect(existsSync(scene.at('usr/share-1'))).toBe(false);
    expect(readdirSync(scene.at('var/db/pkg/app-misc')).filter((name) => !name.startsWith('.'))).toEqual(['app-2']);
  });

  test('has all of it in --json', () => {
    using scene = new Scene();
    run(scene.merge(1, ...PROTECT));
    appendFileSync(scene.at('etc/app.conf'), 'mine = 1\n');
    const planned = runJson(scene.merge(2, ...PROTECT, '--dry-run')).json;
    expect(planned.plan).toContainEqual(
      expect.objectContaining({ action: 'remove', path: 'usr/share-1/data', type: 'file', reason: 'obsolete' }),
    );
    expect(planned.ledger.verdicts).toContainEqual({
      ...{ path: 'usr/bin/app', type: 'obj', verdict: 'keep', reason: 'replaced' },
    });
    const { status, json } = runJson(scene.merge(2, ...PROTECT));
    expect({ status, outcome: json.outcome, removed: json.counts.removed }).toEqual({
      ...{ status: 0, outcome: 'merged', removed: 2 },
    });
    expect(json.protected).toEqual([{ path: 'etc/app.conf', as: 'etc/._cfg0000_app.conf' }]);
    expect(json.ledger).toMatchObject({ package: 'app-misc/app-2', replaced: ['app-misc/app-1'], linksKept: [] });
    expect(json.ledger.verdicts).toContainEqual({
      ...{ path: 'usr/share-1/data', type: 'obj', verdict: 'remove', reason: '' },
    });
  });

  test('names the owners of what it would overwrite, and overwrites it when told to', () => {
    using scene = new Scene();
    run(scene.merge(1));
    const args = [
      'merge',
      scene.work.at('image-2'),
      '--root',
      scene.root,
      '--package',
      'app-misc/other-2',
      '--slot',
      '0',
    ];
    const refused = runJson(args);
    expect(refused.status).toBe(3);
    expect(refused.json.error.problems).toContainEqual({
      code: 'FILE_COLLISION',
      message: expect.stringMatching(/`usr\/bin\/app` belongs to app-misc\/app-1/),
      path: 'usr/bin/app',
    });
    const { status, stdout } = run([...args, '--collisions', 'warn', '--collision-ignore', '/etc/*']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^warning: `usr\/bin\/app` belongs to app-misc\/app-1.*\(OVERWRITTEN\)$/m);
    expect(stdout).not.toContain('`etc/app.conf` belongs');
  });

  test('takes Portage’s variables from the environment with --portage-config, and from nowhere without', () => {
    using scene = new Scene();
    writeTree(scene.root, [directory('usr'), directory('usr/bin'), file('usr/bin/app', 'mine')]);
    const env = { CONFIG_PROTECT: '/usr/bin', INSTALL_MASK: '/usr/share-1', FEATURES: '-protect-owned' };
    expect(run(scene.merge(1, '--portage-config', '--keep-image'), { env }).stdout).toContain('usr/bin/._cfg0000_app');
    expect(existsSync(scene.at('usr/share-1'))).toBe(false);
    expect(run(scene.merge(1, '--no-confmem'), { env }).stdout).not.toContain('protected');
    expect(readFileSync(scene.at('usr/bin/app'), 'utf8')).toBe('program 1');
  });

  test('says what it cannot make sense of', () => {
    using scene = new Scene();
    for (const args of [
      scene.merge(1, '--contents', scene.at('list')),
      scene.merge(1, '--digests', 'crc32'),
      ['merge', scene.work.at('image-1'), '--root', scene.root, '--slot', '0'],
      ['merge', scene.work.at('image-1'), '--root', scene.root, '--package', '../app-1'],
      ['merge', scene.work.at('image-1'), '--root', scene.root, '--package', 'a/b-1', '--vdb', '/elsewhere'],
      ['unmerge', '--root', scene.root],
    ])
      expect({ args, status: run(args).status }).toEqual({ args, status: 2 });
    expect(readdirSync(scene.root)).toEqual([]);
  });
});

describe('emplace unmerge', () => {
  test('lists each path with its reason, and then takes those that go', () => {
    using scene = new Scene();
    run(scene.merge(1));
    appendFileSync(scene.at('etc/app.conf'), 'mine = 1\n');
    // Whole seconds are what CONTENTS has.
    utimesSync(scene.at('etc/app.conf'), 1_000_000_000, 1_000_000_000);
    rmSync(scene.at('usr/share-1/data'));
    const args = ['unmerge', 'app-misc/app-1', '--root', scene.root, ...PROTECT];
    const { status, stdout } = run([...args, '--dry-run']);
    expect(status).toBe(0);
    expect(stdout).toContain('remove   usr/bin/app  (of the package, undo: link)\n');
    // Edited within the second in which it was merged, only its content tells.
    expect(stdout).toMatch(/^stay {5}etc\/app\.conf {2}\(!(mtime: its time|md5: its content) was changed\)$/m);
    expect(stdout).toContain('stay     usr/share-1/data  (!found: not there)\n');
    expect(stdout).toContain('stay     etc  (!empty: not empty, or others use it)\n');
    expect(stdout).toContain('remove   var/db/pkg/app-misc/app-1/  (record, undo: move)\n');
    expect(existsSync(scene.at('usr/bin/app'))).toBe(true);

    expect(run(args).stdout).toMatch(
      /^unmerged: 2 removed .*\npackage: app-misc\/app-1\nstays: etc\/app.conf \(!mtime/,
    );
    expect(existsSync(scene.at('usr/bin/app'))).toBe(false);
    expect(existsSync(scene.at('var/db/pkg/app-misc/app-1'))).toBe(false);
    expect(readFileSync(scene.at('etc/app.conf'), 'utf8')).toContain('mine');
    const again = runJson(args);
    expect({ status: again.status, code: again.json.error.code }).toEqual({ status: 3, code: 'NOT_INSTALLED' });
  });

  test('goes by a list of paths for package managers without a database', () => {
    using scene = new Scene();
    const list = ['--contents', scene.at('var/list')];
    expect(run(['merge', scene.work.at('image-1'), '--root', scene.root, ...list]).status).toBe(0);
    expect(readFileSync(scene.at('var/list'), 'utf8')).toContain('dir /usr/bin\n');
    expect(run(['unmerge', '--root', scene.root, ...list]).stdout).toMatch(/^unmerged: 4 removed/);
    expect(readdirSync(scene.root, { recursive: true })).not.toContain('var/list');
    expect(existsSync(scene.at('usr/bin/app'))).toBe(false);
  });
});

describe('emplace owner', () => {
  test('tells owners on stdout, what nobody owns on stderr, and by its exit code whether there was any', () => {
    using scene = new Scene();
    run(scene.merge(1));
    expect(run(['owner', '--root', scene.root, '/usr/bin/app', '/etc'])).toEqual({
      ...{ status: 0, stdout: 'app-misc/app-1 /usr/bin/app\napp-misc/app-1 /etc\n', stderr: '' },
    });
    expect(run(['owner', '--root', scene.root, '/usr/bin/app', `/no${ESCAPE}[31m`])).toEqual({
      ...{ status: 7, stdout: 'app-misc/app-1 /usr/bin/app\n', stderr: 'no package owns `/no\\x1b[31m`\n' },
    });
    expect(runJson(['owner', '--root', scene.root, '/usr/bin/app', '/no'])).toEqual({
      status: 7,
      json: {
        paths: [
          { path: 'usr/bin/app', owners: ['app-misc/app-1'] },
          { path: 'no', owners: [] },
        ],
        problems: [],
      },
    });
  });

  test('takes a relative path from the current directory, and refuses one outside of the root', () => {
    using scene = new Scene();
    run(scene.merge(1));
    expect(run(['owner', '--root', '..', 'app'], { cwd: scene.at('usr/bin') }).status).toBe(2);
    expect(run(['owner', '--root', '../..', 'app'], { cwd: scene.at('usr/bin') }).stdout).toBe(
      'app-misc/app-1 /usr/bin/app\n',
    );
    expect(run(['owner', '--root', scene.root, 'app']).status).toBe(2);
  });
});

describe('emplace verify', () => {
  test('ends with 0 when all is as it was merged, and with 7 and each finding when not', () => {
    using scene = new Scene();
    run(scene.merge(1));
    run(['merge', scene.work.make('image-0'), '--root', scene.root, '--package', 'app-misc/empty-0', '--slot', '0']);
    const args = ['verify', '--root', scene.root];
    expect(run(args)).toMatchObject({ status: 0, stderr: '' });
    expect(run([...args, '--changed-only']).stdout.split('\n')).toHaveLength(2);
    writeFileSync(scene.at('usr/bin/app'), 'program X');
    appendFileSync(scene.at('etc/app.conf'), 'mine = 1\n');
    const { status, stdout } = run(args);
    expect(status).toBe(7);
    expect(stdout.split('\n')).toEqual([
      'app-misc/app-1: 2 of 7 entries not as merged',
      '  mtime, content  /etc/app.conf  (configuration)',
      '  mtime, content  /usr/bin/app',
      'app-misc/empty-0: as merged (0 entries)',
      expect.stringMatching(/^2 packages, 7 entries, .* read: 1 changed, 1 of configuration changed$/),
      '',
    ]);
    const { json } = runJson([...args, '--changed-only', '--ignore-config', '--threads', '2']);
    expect(json).toMatchObject({ outcome: 'found', counts: { entries: 7, changed: 1, configChanged: 1 } });
    expect(json.packages).toEqual([
      expect.objectContaining({
        package: 'app-misc/app-1',
        findings: [{ path: 'usr/bin/app', what: ['mtime', 'content'], config: false }],
      }),
    ]);
    expect(run([...args, 'empty', '--quick']).status).toBe(0);
    expect(runJson([...args, 'nothing']).json.error.code).toBe('NOT_INSTALLED');
  });
});

describe('a request', () => {
  /** What `--request` does: the status, and the result. */
  function ask(command: string, value: unknown, cwd: string): ReturnType<typeof runJson> {
    const { status, stdout } = run([command, '--request', '-'], { input: JSON.stringify(value), cwd });
    return { status, json: JSON.parse(stdout) as Printed };
  }

  test('merges and unmerges with options that no shell has to quote, and paths of any bytes', () => {
    using scene = new Scene();
    const image = Buffer.concat([Buffer.from(`${scene.work.path}/`), HOSTILE]);
    mkdirSync(image);
    writeFileSync(Buffer.concat([image, Buffer.from('/'), HOSTILE]), 'hostile');
    const path = { base64: HOSTILE.toString('base64') };
    const request = {
      ...{ version: 1, operation: 'merge', root: 'root', image: path, sync: 'none' },
      ledger: { package: 'app-misc/odd-1', slot: '0', configProtect: [path], digests: ['blake2b'] },
    };
    const planned = ask('merge', { ...request, dryRun: true }, scene.work.path);
    expect(planned.json.plan).toContainEqual(expect.objectContaining({ action: 'create', path }));
    expect(ask('merge', request, scene.work.path)).toMatchObject({ status: 0, json: { outcome: 'merged' } });
    expect(readdirSync(scene.root, 'buffer')).toContainEqual(HOSTILE);
    expect(readFileSync(scene.at('var/db/pkg/app-misc/odd-1/EMPLACE'), 'latin1')).toContain('"blake2b":"');

    // What a person sees of such a name does nothing to a terminal, as text or as JSON.
    rmSync(Buffer.concat([Buffer.from(`${scene.root}/`), HOSTILE]));
    const text = run(['verify', '--root', scene.root]);
    expect(text).toMatchObject({ status: 7, stdout: expect.stringContaining('missing  /caf\\xe9\\x1b[31m\n') });
    expect(runJson(['verify', '--root', scene.root]).json.packages[0]?.findings).toEqual([
      { path, what: ['missing'], config: false },
    ]);
    const unmerge = { version: 1, operation: 'unmerge', root: 'root', ledger: { package: 'app-misc/odd-1' } };
    expect(ask('unmerge', unmerge, scene.work.path)).toMatchObject({
      ...{ status: 0, json: { outcome: 'unmerged', ledger: { verdicts: [{ path, reason: '!found' }] } } },
    });
  });

  test('is refused as JSON with all that is wrong with it, and with flags beside it', () => {
    using scene = new Scene();
    const wrong = { version: 1, operation: 'merge', root: 'root', imgae: 'x', ledger: { slots: 0 } };
    const { status, json } = ask('merge', wrong, scene.work.path);
    expect(status).toBe(2);
    expect(json).toMatchObject({ outcome: 'refused', error: { code: 'REQUEST_INVALID', problems: { length: 3 } } });
    expect(
      ask('unmerge', { version: 1, operation: 'merge', root: '/', image: '/' }, scene.work.path).json.error,
    ).toMatchObject({
      ...{ code: 'REQUEST_INVALID', message: expect.stringContaining('not to unmerge') },
    });
    const both = run(['merge', '--request', scene.work.at('none'), '--root', scene.root]);
    expect(JSON.parse(both.stdout).error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('--root') });
    const missing = run(['merge', '--request', scene.work.at('none')]);
    expect(missing.status).toBe(2);
    expect(JSON.parse(missing.stdout).error).toMatchObject({ message: expect.stringContaining('ENOENT') });
    expect(readdirSync(scene.root)).toEqual([]);
  });
});

test('nothing that is printed has a colour or a control character, whatever the names', () => {
  using scene = new Scene();
  const name = Buffer.concat([
    Buffer.from(`${scene.work.at('image-1')}/etc/`),
    Buffer.from(`x${ESCAPE}[31m\u009b\u202e`),
  ]);
  writeFileSync(name, 'x');
  const outputs = [
    run(scene.merge(1, ...PROTECT, '--keep-image')),
    run(['verify', '--root', scene.root]),
    run(scene.merge(1, ...PROTECT, '--dry-run')),
    run(['unmerge', 'app-misc/app-1', '--root', scene.root, '--dry-run']),
    run(['unmerge', 'app-misc/app-1', '--root', scene.root, '--dry-run', '--json']),
  ];
  for (const { status, stdout, stderr } of outputs) {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
  }
  expect(outputs[3]?.stdout).toContain('x\\x1b[31m\\xc2\\x9b\\xe2\\x80\\xae');
});
