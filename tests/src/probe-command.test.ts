/** `emplace probe`, and merges into file systems that are served by a process of the test. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  bindMount,
  directory,
  file,
  mountTmpfs,
  snapshotTree,
  symlink,
  temporaryDirectory,
  USER,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { type FuseMount, type FuseOperation, type FuseRule, LIKE_VFAT, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';

const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));
const HOLD: FuseRule[] = (['RENAME', 'RENAME2'] as const).map((operation) => ({ operation, path: '', answer: 'hold' }));

/** Of the environment: by it every process of a command is known. */
const MARK = 'EMPLACE_TEST_MARK';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Not spawnSync: the file system that it works on may be served by this process's child, whose messages must be read. */
async function run(args: readonly string[], mark = ''): Promise<Ran> {
  const env = { ...process.env, [MARK]: mark };
  const child: ChildProcess = spawn(emplace, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => text(stream as NonNullable<typeof stream>));
  const [status] = (await once(child, 'exit')) as [number | null];
  return { status, stdout: (await stdout) ?? '', stderr: (await stderr) ?? '' };
}

async function runJson(
  args: readonly string[],
  mark?: string,
): Promise<{ status: number | null; json: Record<string, unknown> }> {
  const { status, stdout } = await run([...args, '--json'], mark);
  return { status, json: JSON.parse(stdout) as Record<string, unknown> };
}

/** Who works for a command on a path: its environment has been marked, and children inherit that. */
function processesMarked(mark: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const isDead = /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
        return !isDead && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${mark}\0`) ? [pid] : [];
      } catch {
        return [];
      }
    });
}

/** What is killed or aborted is gone a moment later: it is looked for until it is. Jest's own limit ends that. */
async function allGone(mark: string): Promise<void> {
  while (processesMarked(mark).length > 0) await turn();
}

interface Refusal {
  readonly outcome: string;
  readonly error: { readonly code: string; readonly message: string; readonly problems: { message: string }[] };
}

/** Paths of all entries of a directory. */
function pathsIn(directory: string): string[] {
  return readdirSync(directory).map((name) => join(directory, name));
}

describe('emplace probe', () => {
  test('tells facts, strategies and the choice as one object, and leaves nothing', async () => {
    using work = temporaryDirectory();
    const [source, target] = [work.make('source'), work.make('target')];
    const before = snapshotTree(work.path);
    const { status, json } = await runJson(['probe', source, target, '--rename-shapes', '--leaks']);
    expect(status).toBe(0);
    expect(json).toMatchObject({
      facts: { rename: { answer: 'yes' }, exchange: { answer: 'yes' }, cleanRename: { answer: 'yes' } },
      choice: { data: 'rename', programs: 'rename' },
      shapes: { sibling: { verdict: 'ok' }, nested: { verdict: 'ok' } },
      left: [],
      leaks: { judged: true, control: { verdict: 'leaks' } },
    });
    const { ways } = json.leaks as { ways: { name: string; verdict: string }[] };
    expect(ways).toContainEqual(expect.objectContaining({ name: 'rename', verdict: 'clean' }));
    expect(snapshotTree(work.path)).toEqual(before);
  });

  rootTest('says of another mount that only a copy goes there, though the device is the same', async () => {
    using work = temporaryDirectory();
    mountTmpfs(work.make('disk'));
    for (const name of ['disk/a', 'disk/b', 'bound']) work.make(name);
    bindMount(work.at('disk/b'), work.at('bound'));
    const { stdout } = await run(['probe', work.at('disk/a'), work.at('bound')]);
    for (const name of ['bound', 'disk']) unmount(work.at(name));
    expect(stdout).toMatch(/^rename +no: EXDEV$/m);
    expect(stdout).toMatch(/^`auto` takes `copy`, the cheapest that works$/m);
  });

  test.each([
    ['no such path', ['/no/such/path', '/']],
    ['not a directory', ['/etc/passwd', '/']],
  ])('refuses with 2: %s', async (_, paths) => {
    const { status, json } = await runJson(['probe', ...paths]);
    expect(status).toBe(2);
    expect(json).toMatchObject({ error: { code: 'DIRECTORY_UNUSABLE', hint: expect.stringMatching(/^Pass /) } });
  });
});

describe('a file system whose rename never answers (G10)', () => {
  async function inHanging(act: (fuse: FuseMount, work: ReturnType<typeof temporaryDirectory>) => Promise<void>) {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('served'), { rules: HOLD });
    await act(fuse, work);
    await fuse.abort();
    await allGone(fuse.path);
  }

  rootTest('is told by all six shapes with what is left, and nothing else of it stays when it is gone', async () => {
    await inHanging(async (fuse) => {
      const probe = ['probe', fuse.path, fuse.path, '--rename-shapes', '--timeout', '300'];
      const { status, json } = await runJson(probe, fuse.path);
      expect(status).toBe(0);
      const shapes = Object.values(json.shapes as Record<string, { verdict: string }>);
      expect(shapes.map(({ verdict }) => verdict)).toEqual(Array(6).fill('hung'));
      expect(json.choice).toEqual({});
      expect(json.unanswered).toMatchObject({ why: expect.stringContaining('never answers rename') });
      // A rename that hangs holds its own directory, not the one above.
      expect(pathsIn(fuse.path)).toEqual(json.left);
    });
  });

  rootTest('is refused as a root: nothing of the merge is there, and what the question left is named', async () => {
    await inHanging(async (fuse, work) => {
      writeTree(work.make('image'), [file('a', 'a')]);
      const before = snapshotTree(work.at('image'));
      const { status, json } = await runJson(['merge', work.at('image'), '--root', fuse.path], fuse.path);
      expect({ status, json }).toMatchObject({ status: 3, json: { outcome: 'refused' } });
      const { error } = json as unknown as Refusal;
      expect(error.code).toBe('RENAME_HANGS');
      expect(pathsIn(fuse.path)).toEqual([expect.stringContaining('/.emplace-probe-')]);
      expect(error.problems.map(({ message }) => message)).toEqual(
        pathsIn(fuse.path).map((path) => `left behind: \`${path}\``),
      );
      expect(error.message).toContain(`left behind until it answers: \`${pathsIn(fuse.path)[0]}\``);
      expect(snapshotTree(work.at('image'))).toEqual(before);
    });
  });

  rootTest('is refused as an image, again and again, and the root is as it was', async () => {
    await inHanging(async (fuse, work) => {
      await fuse.rules([]);
      writeTree(work.make('served/image'), [file('a', 'a')]);
      await fuse.rules(HOLD);
      const before = snapshotTree(work.make('root'));
      for (let merges = 0; merges < 2; merges++) {
        const merge = ['merge', work.at('served/image'), '--root', work.at('root')];
        const { status, json } = await runJson(merge, fuse.path);
        expect({ status, json }).toMatchObject({ status: 3, json: { error: { code: 'RENAME_HANGS' } } });
      }
      expect(snapshotTree(work.at('root'))).toEqual(before);
    });
  });

  rootTest('is found out below a root that answers, before anything is staged', async () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [file('served/new', 'new'), file('own', 'own')]);
    work.make('root');
    await using fuse = await mountFuse(work.at('root/served'), { rules: HOLD });
    const { status, json } = await runJson(['merge', work.at('image'), '--root', work.at('root')]);
    expect({ status, json }).toMatchObject({
      status: 4,
      json: { outcome: 'rolled-back', error: { code: 'RENAME_HANGS' } },
    });
    expect(readdirSync(work.at('root'))).toEqual(['served']);
    await fuse.abort();
  });
});

/** More than a machine under load takes for a call that nobody holds. */
const WAIT_MS = 3_000;

/** Every operation that a probe or a merge may wait for, and what each of the two then says. */
const held: readonly (readonly [FuseOperation, { probe: RegExp; merge: RegExp }])[] = [
  ['LOOKUP', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['GETATTR', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['OPENDIR', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['STATFS', { probe: /stat and statfs did not answer/, merge: /^STALLED$/ }],
  ['MKDIR', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['CREATE', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['WRITE', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['FLUSH', { probe: /could not be asked/, merge: /^NOT_ANSWERING$/ }],
  ['UNLINK', { probe: /did not let go/, merge: /^NOT_ANSWERING$/ }],
  ['RMDIR', { probe: /did not let go/, merge: /^NOT_ANSWERING$/ }],
  ['SETATTR', { probe: /did not let go/, merge: /^NOT_ANSWERING$/ }],
  ['LINK', { probe: /hardLink did not answer/, merge: /^merged$/ }],
  ['SETXATTR', { probe: /acl did not answer/, merge: /^STALLED$/ }],
  ['SYMLINK', { probe: /symlink did not answer/, merge: /^STALLED$/ }],
  ['MKNOD', { probe: /device did not answer/, merge: /^merged$/ }],
];

describe.each(held)('while %s is never answered', (operation, says) => {
  rootTest('a probe and a merge return and say so, and no process stays when the file system is gone', async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('served'));
    const [source, probed, root] = [work.make('source'), work.make('served/probed'), work.make('served/root')];
    writeTree(work.make('image'), [file('new', 'new'), symlink('link', 'new')]);
    await fuse.rules([{ operation, path: operation === 'STATFS' ? '' : '^/(?:probed|root)', answer: 'hold' }]);
    const [probe, merge] = await Promise.all([
      runJson(['probe', source, probed, '--timeout', `${WAIT_MS}`], fuse.path),
      runJson(['merge', work.at('image'), '--root', root, '--stall-timeout', `${WAIT_MS / 1000}`], fuse.path),
    ]);
    expect(probe).toMatchObject({
      status: 0,
      json: { unanswered: { why: expect.stringMatching(says.probe) }, choice: {} },
    });
    expect(probe.json.facts).toBeUndefined();
    const { left } = probe.json.unanswered as { left: string[] };
    expect(left).toEqual(expect.arrayContaining(pathsIn(source)));
    const { error, outcome } = merge.json as Partial<Refusal>;
    expect(error?.code ?? outcome).toMatch(says.merge);
    await fuse.abort();
    await allGone(fuse.path);
  });
});

describe('where nothing can be made, or nothing is any more', () => {
  rootTest('a read-only target: what cannot be asked is not measured, and nothing is said to work', async () => {
    using work = temporaryDirectory();
    mountTmpfs(work.make('disk'), 'ro');
    const probe = ['probe', work.make('source'), work.at('disk')];
    const { status, json } = await runJson([...probe, '--leaks', '--rename-shapes']);
    const { stdout } = await run(probe);
    unmount(work.at('disk'));
    expect(status).toBe(0);
    expect(json).toMatchObject({
      facts: {
        create: { answer: 'no', errno: 'EROFS' },
        rename: { answer: 'no', errno: 'EXDEV' },
        link: { answer: 'no', errno: 'EROFS' },
        caseSensitive: { answer: 'not-measured', why: 'read-only file system' },
        acl: { answer: 'not-measured' },
        exec: { answer: 'not-measured' },
      },
      shapes: { sibling: { verdict: 'not-measured', why: expect.stringContaining('EROFS') } },
      leaks: { notMeasured: expect.stringContaining('EROFS') },
      choice: {},
    });
    expect(stdout).toMatch(/^copy +refused: EROFS/m);
    expect(stdout).toMatch(/merges nothing here: no strategy is known to work$/m);
  });

  rootTest('a target that this user may not write to: nothing is said to work', async () => {
    using work = temporaryDirectory();
    for (const path of [dirname(work.path), work.path]) chmodSync(path, 0o755);
    const [source, target] = [work.make('source'), work.make('target')];
    chownSync(source, USER, USER);
    const args = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', emplace];
    const { status, stdout } = spawnSync('setpriv', [...args, 'probe', source, target, '--leaks', '--json'], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      facts: { create: { answer: 'no', errno: 'EACCES' }, rename: { answer: 'not-measured' } },
      leaks: { notMeasured: expect.stringContaining('EACCES') },
      choice: {},
    });
    expect(readdirSync(target)).toEqual([]);
  });

  rootTest('a target that vanishes in the middle is an error of its own, and no bug', async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('served'));
    const target = work.make('served/target');
    await fuse.rules([{ operation: 'STATFS', path: '', answer: 'hold' }]);
    const probed = runJson(['probe', work.make('source'), target, '--timeout', '20000']);
    await fuse.held(1);
    rmdirSync(target);
    await fuse.rules([]);
    await fuse.release();
    const { status, json } = await probed;
    expect([0, 2]).toContain(status);
    if (status === 2) expect(json).toMatchObject({ error: { code: 'DIRECTORY_UNUSABLE' } });
    else expect(json).toMatchObject({ facts: { create: { answer: 'not-measured' } }, choice: {} });
  });

  rootTest('a file system that counts no bytes says so, and no number', async () => {
    using work = temporaryDirectory();
    const disk = work.make('disk');
    execFileSync('mount', ['-t', 'ramfs', 'emplace-test', disk]);
    const [{ stdout }, { json }] = [await run(['probe', disk, disk]), await runJson(['probe', disk, disk])];
    unmount(disk);
    expect(stdout).toMatch(/^free bytes not counted, /m);
    expect(json).toMatchObject({ space: { bytesFree: null } });
  });
});

describe('a file system like vfat', () => {
  const tree = [
    directory('boot'),
    file('boot/kernel', 'kernel', { mode: 0o644 }),
    file('boot/initrd', 'initrd', { mode: 0o755, mtime: { sec: 1_500_000_000, nsec: 0 } }),
  ];

  rootTest('refuses with every entry that would lose something, and takes what may be lost', async () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), tree);
    work.make('root');
    await using fuse = await mountFuse(work.at('root/boot'), { traits: LIKE_VFAT });
    const merge = ['merge', work.at('image'), '--root', work.at('root')];
    const refused = await runJson(merge);
    expect(refused.status).toBe(3);
    const { error } = refused.json as { error: { code: string; problems: { message: string }[] } };
    expect(error.code).toBe('CANNOT_CARRY');
    expect(error.problems.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^`boot\/kernel` would lose its mode 0644, its time to the (?:nano)?second$/),
    );
    expect(readdirSync(fuse.path)).toEqual([]);
    const merged = await runJson([...merge, '--lossy', 'mode,time,owner']);
    expect(merged.json).toMatchObject({
      outcome: 'merged',
      lost: expect.arrayContaining([{ path: 'boot/kernel', what: ['mode', 'time'] }]),
    });
    expect(readdirSync(join(work.at('root'), 'boot')).sort()).toEqual(['initrd', 'kernel']);
  });

  rootTest('refuses a symlink and a name that it cannot hold, whatever may be lost', async () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [directory('boot'), symlink('boot/link', 'x'), file('boot/a:b', 'x')]);
    work.make('root');
    await using fuse = await mountFuse(work.at('root/boot'), { traits: LIKE_VFAT });
    const lossy = 'owner,mode,xattr,time,hardlink';
    const { json } = await runJson(['merge', work.at('image'), '--root', work.at('root'), '--lossy', lossy]);
    const { problems } = (json as { error: { problems: { message: string }[] } }).error;
    expect(problems.map(({ message }) => message).sort()).toEqual([
      '`boot/a:b` would lose its name',
      '`boot/link` would lose being a symlink',
    ]);
    expect(readdirSync(fuse.path)).toEqual([]);
  });
});
