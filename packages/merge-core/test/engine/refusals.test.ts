import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bindMount, mountTmpfs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';
import { type ErrorCode, MergeError, type MergeOptions, mergeSync, recover, recoverSync } from '../../src/index.ts';

/** The tree below a directory with everything a refused merge could have touched, directory times included. */
function everything(top: string, name = '.'): string[] {
  const stat = lstatSync(join(top, name), { bigint: true });
  const content = stat.isSymbolicLink()
    ? readlinkSync(join(top, name))
    : stat.isFile()
      ? readFileSync(join(top, name), 'hex')
      : '';
  const line = [name, stat.mode, stat.uid, stat.ino, stat.nlink, stat.mtimeNs, content].join(' ');
  // Node's own recursive readdir follows symlinks, in circles too.
  const below = stat.isDirectory() ? readdirSync(join(top, name)).sort() : [];
  return [line, ...below.flatMap((child) => everything(top, join(name, child)))];
}

interface Trees {
  readonly image: string;
  readonly root: string;
  readonly work: string;
}

/** Runs `prepare`, then merges, and expects this code, this exit code and the root byte for byte as it was. */
function refuses(
  code: ErrorCode,
  exit: number,
  prepare: (trees: Trees) => Partial<MergeOptions> | undefined,
): MergeError {
  using work = temporaryDirectory();
  const trees = { image: work.make('image'), root: work.make('root'), work: work.path };
  const options = prepare(trees) ?? {};
  const before = everything(trees.root);
  const error = failure(() => mergeSync({ image: trees.image, root: trees.root, ...options }));
  expect({ code: error.code, exit: error.exitCode, outcome: error.outcome }).toEqual({
    code,
    exit,
    outcome: code === 'LOCKED' ? 'locked' : 'refused',
  });
  expect(error.hint).toMatch(/^[A-Z]/);
  expect(everything(trees.root)).toEqual(before);
  return error;
}

function failure(act: () => unknown): MergeError {
  try {
    act();
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Mounts until the end of the block. */
function mounted(at: string, mount: (at: string) => void): Disposable {
  mount(at);
  return { [Symbol.dispose]: () => unmount(at) };
}

const file = (top: string, path: string, content = path): void => {
  mkdirSync(join(top, path, '..'), { recursive: true });
  writeFileSync(join(top, path), content);
};

describe('what is wrong with the call is refused before anything changes', () => {
  test('an image that does not exist: IMAGE_MISSING', () => {
    refuses('IMAGE_MISSING', 2, ({ work }) => ({ image: join(work, 'none') }));
  });
  test('an image that is a file: IMAGE_MISSING', () => {
    refuses('IMAGE_MISSING', 2, ({ work }) => {
      file(work, 'plain');
      return { image: join(work, 'plain') };
    });
  });
  test('a root that does not exist: ROOT_MISSING', () => {
    refuses('ROOT_MISSING', 2, ({ work }) => ({ root: join(work, 'none') }));
  });
  test('a root that is a file: ROOT_MISSING', () => {
    refuses('ROOT_MISSING', 2, ({ work }) => {
      file(work, 'plain');
      return { root: join(work, 'plain') };
    });
  });
  test('a root that is a loop of symlinks: ROOT_UNUSABLE', () => {
    refuses('ROOT_UNUSABLE', 2, ({ work }) => {
      symlinkSync('loop', join(work, 'loop'));
      return { root: join(work, 'loop') };
    });
  });
  test('a strategy that there is not: UNKNOWN_STRATEGY', () => {
    refuses('UNKNOWN_STRATEGY', 2, () => ({ strategy: 'teleport' }));
  });
  test.each([
    ['hard links asked for and forbidden', { strategy: 'hardlink', hardlink: false }],
    ['an image to be kept and taken from', { strategy: 'rename', keepImage: true }],
    ['a glob that is longer than any path', { exclude: ['*a'.repeat(3000)] }],
    ['an empty path', { image: '' }],
    ['a path with a NUL byte', { root: '/tmp/a\0b' }],
  ])('%s: BAD_OPTION', (_what, options) => {
    refuses('BAD_OPTION', 2, () => options);
  });
  test.each([
    ['image and root are one', ({ root }: Trees) => ({ image: root })],
    ['the root lies in the image', ({ work }: Trees) => ({ image: work })],
    ['the image lies in the root', ({ work, image }: Trees) => ({ root: work, image })],
  ])('%s: OVERLAPPING_TREES', (_what, options) => {
    refuses('OVERLAPPING_TREES', 2, options);
  });
});

describe('what is wrong with the trees is refused before anything changes', () => {
  test('a directory over a file, and a file over a directory with entries: TYPE_CONFLICT, both told at once', () => {
    const error = refuses('TYPE_CONFLICT', 3, ({ image, root }) => {
      file(image, 'a/inside');
      file(root, 'a');
      file(image, 'b');
      file(root, 'b/inside');
      return undefined;
    });
    expect(error.problems.map((problem) => problem.path)).toEqual(['a', 'b']);
  });
  test('a directory over a symlink that leads to no directory: TYPE_CONFLICT', () => {
    refuses('TYPE_CONFLICT', 3, ({ image, root }) => {
      file(image, 'a/inside');
      symlinkSync('nowhere', join(root, 'a'));
      return undefined;
    });
  });
  test('symlinks in the root that lead in a circle: SYMLINK_LOOP', () => {
    refuses('SYMLINK_LOOP', 3, ({ image, root }) => {
      file(image, 'lib/inside');
      symlinkSync('lib64', join(root, 'lib'));
      symlinkSync('/lib', join(root, 'lib64'));
      return undefined;
    });
  });
  rootTest('a symlink that a user planted on the way: UNSAFE_SYMLINK (G6)', () => {
    refuses('UNSAFE_SYMLINK', 3, ({ image, root }) => {
      file(image, 'spool/job/inside');
      mkdirSync(join(root, 'spool'));
      mkdirSync(join(root, 'secret'));
      chmodSync(join(root, 'spool'), 0o1777);
      symlinkSync('../secret', join(root, 'spool/job'));
      spawnSync('chown', ['-h', '1234', join(root, 'spool/job')]);
      return undefined;
    });
  });
  rootTest('a symlink of root in a directory that a group other than root may write to: UNSAFE_SYMLINK (G6)', () => {
    refuses('UNSAFE_SYMLINK', 3, ({ image, root }) => {
      file(image, 'mail/config/inside');
      mkdirSync(join(root, 'mail'));
      mkdirSync(join(root, 'etc'));
      symlinkSync('/etc', join(root, 'mail/config'));
      chownSync(join(root, 'mail'), 0, 1234);
      chmodSync(join(root, 'mail'), 0o2775);
      return undefined;
    });
  });
  rootTest(
    'a symlink of root in a sticky directory, where a user may have brought it along: UNSAFE_SYMLINK (G6)',
    () => {
      refuses('UNSAFE_SYMLINK', 3, ({ image, root }) => {
        file(image, 'tmp/config/inside');
        for (const name of ['tmp', 'etc']) mkdirSync(join(root, name));
        symlinkSync('/etc', join(root, 'tmp/config'));
        chmodSync(join(root, 'tmp'), 0o1777);
        return undefined;
      });
    },
  );
  rootTest('a symlink that the owner of a directory made in it to what is not his: UNSAFE_SYMLINK (G6)', () => {
    refuses('UNSAFE_SYMLINK', 3, ({ image, root }) => {
      file(image, 'home/config/inside');
      mkdirSync(join(root, 'home'));
      mkdirSync(join(root, 'etc'));
      symlinkSync('/etc', join(root, 'home/config'));
      spawnSync('chown', ['-h', '1234', join(root, 'home'), join(root, 'home/config')]);
      return undefined;
    });
  });
  test('two directories of the image that are one in the root and bring one name twice: IMAGE_COLLISION', () => {
    refuses('IMAGE_COLLISION', 3, ({ image, root }) => {
      file(image, 'lib/same');
      file(image, 'lib64/same');
      mkdirSync(join(root, 'lib'));
      symlinkSync('lib', join(root, 'lib64'));
      return undefined;
    });
  });
  test.each([
    {
      what: 'a file in the place of a directory that another one leads to',
      old: 'usr/lib/',
      fresh: ['lib/x', 'usr/lib'],
    },
    { what: 'a file in the place of a directory above it', old: 'usr/lib/', fresh: ['lib/x', 'usr'] },
  ])('$what: IMAGE_COLLISION', ({ old, fresh }) => {
    const error = refuses('IMAGE_COLLISION', 3, ({ image, root }) => {
      for (const path of fresh) file(image, path);
      mkdirSync(join(root, old), { recursive: true });
      symlinkSync('usr/lib', join(root, 'lib'));
      return { replaceTypes: true };
    });
    expect(error.problems.map(({ path }) => path)).toEqual(['usr/lib']);
  });
  test('a file in the place of the symlink that its own directory leads through: IMAGE_COLLISION', () => {
    refuses('IMAGE_COLLISION', 3, ({ image, root }) => {
      file(image, 'lib/lib');
      symlinkSync('.', join(root, 'lib'));
      return undefined;
    });
  });
  test('an image that brings the state directory: IMAGE_COLLISION', () => {
    refuses('IMAGE_COLLISION', 3, ({ image }) => {
      file(image, '.emplace/journal');
      return undefined;
    });
  });
  rootTest('a target that is a mount point: MOUNT_POINT', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    file(image, 'hosts', 'new');
    file(root, 'hosts', 'old');
    file(work.path, 'bound', 'bound');
    using _bound = mounted(join(root, 'hosts'), (at) => bindMount(work.at('bound'), at));
    const before = everything(root);
    expect(failure(() => mergeSync({ image, root })).code).toBe('MOUNT_POINT');
    expect(everything(root)).toEqual(before);
  });
  rootTest('a read-only file system: READ_ONLY', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    file(image, 'a/f');
    file(root, 'a/old');
    using _bound = mounted(join(root, 'a'), (at) => bindMount(at, at, { readOnly: true }));
    expect(failure(() => mergeSync({ image, root })).code).toBe('READ_ONLY');
    expect(readdirSync(root)).toEqual(['a']);
  });
  rootTest('a root that is itself read-only: READ_ONLY', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    file(image, 'f');
    using _root = mounted(root, (at) => mountTmpfs(at, 'ro'));
    expect(failure(() => mergeSync({ image, root })).code).toBe('READ_ONLY');
  });
  rootTest('an immutable target, and one in an append-only directory: IMMUTABLE', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    file(image, 'f', 'new');
    file(image, 'd/f', 'new');
    file(root, 'f', 'old');
    file(root, 'd/f', 'old');
    for (const path of ['f', 'd'])
      expect(spawnSync('chattr', [path === 'd' ? '+a' : '+i', join(root, path)]).status).toBe(0);
    const error = failure(() => mergeSync({ image, root }));
    spawnSync('chattr', ['-R', '-i', '-a', root]);
    expect(error.problems.map(({ code, path }) => `${code} ${path}`)).toEqual(['IMMUTABLE f', 'IMMUTABLE d']);
    expect(readFileSync(join(root, 'f'), 'utf8')).toBe('old');
  });
  rootTest('a full file system: NO_SPACE', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    file(image, 'big', 'x'.repeat(3 << 20));
    using _small = mounted(root, (at) => mountTmpfs(at, 'size=2m'));
    const error = failure(() => mergeSync({ image, root }));
    expect([error.code, error.exitCode, readdirSync(root)]).toEqual(['NO_SPACE', 3, []]);
    expect(error.message).toMatch(/^the root \(tmpfs\) has/);
  });
  rootTest('a file system without inodes left: NO_INODES', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    for (let i = 0; i < 30; i++) file(image, `d/${i}`);
    using _small = mounted(root, (at) => mountTmpfs(at, 'nr_inodes=20'));
    const error = failure(() => mergeSync({ image, root }));
    expect([error.code, error.exitCode, readdirSync(root)]).toEqual(['NO_INODES', 3, []]);
  });
  rootTest('a strategy that cannot work there, with its errno: STRATEGY_IMPOSSIBLE', () => {
    using work = temporaryDirectory();
    const image = work.make('image');
    const root = work.make('root');
    file(image, 'f');
    using _other = mounted(root, (at) => mountTmpfs(at));
    for (const strategy of ['rename', 'double-rename', 'hardlink', 'reflink']) {
      const error = failure(() => mergeSync({ image, root, strategy }));
      expect([error.code, error.exitCode, readdirSync(root)]).toEqual(['STRATEGY_IMPOSSIBLE', 3, []]);
      expect(error.message).toMatch(/`[a-z-]+` gives (EXDEV|EOPNOTSUPP)/);
      expect(error.message).toContain('tmpfs');
    }
  });
  test('a directory of the root that is the image: OVERLAPPING_TREES', () => {
    // As with root `/`: the image lies in the root, and brings a directory that is itself.
    using work = temporaryDirectory();
    const image = work.make('image');
    file(work.path, 'image/image/f');
    const error = failure(() => mergeSync({ image, root: work.path }));
    expect(error.code).toBe('OVERLAPPING_TREES');
  });
});

describe('what an earlier merge or somebody else left', () => {
  test('a journal that is damaged is refused by merge and recover, and left alone: JOURNAL_UNREADABLE', () => {
    for (const content of [
      '',
      'garbage',
      '["begin",2]\n',
      '["begin",1,"aaaaaaaa","/x","1",false,[]]\n00000000 ["planned"]\n',
      '\xff\x00\n'.repeat(99),
    ]) {
      using work = temporaryDirectory();
      const root = work.make('root');
      const image = work.make('image');
      mkdirSync(join(root, '.emplace'), { mode: 0o700 });
      writeFileSync(join(root, '.emplace/journal'), content);
      for (const act of [
        () => mergeSync({ image, root }),
        () => recoverSync({ root }),
        () => recoverSync({ root, rollback: true }),
      ]) {
        const error = failure(act);
        expect([error.code, error.exitCode]).toEqual(['JOURNAL_UNREADABLE', 3]);
      }
      expect(readdirSync(join(root, '.emplace'))).toEqual(['journal']);
      expect(readFileSync(join(root, '.emplace/journal'), 'utf8')).toBe(content);
    }
  });
  (process.geteuid?.() === 0 ? test.each : test.skip.each)([
    ['open to others', (state: string) => chmodSync(state, 0o777)],
    ['of another user', (state: string) => chownSync(state, 1234, 1234)],
  ])('a state directory that is %s: STATE_UNSAFE (J9)', (_what, spoil) => {
    using work = temporaryDirectory();
    const root = work.make('root');
    mkdirSync(join(root, '.emplace'), { mode: 0o700 });
    spoil(join(root, '.emplace'));
    expect(failure(() => recoverSync({ root })).code).toBe('STATE_UNSAFE');
    expect(failure(() => mergeSync({ root, image: work.make('image') })).code).toBe('STATE_UNSAFE');
  });
  test('a state directory that is a symlink elsewhere: STATE_UNSAFE, and nothing is written there (G6)', () => {
    using work = temporaryDirectory();
    const root = work.make('root');
    const elsewhere = work.make('elsewhere');
    symlinkSync(elsewhere, join(root, '.emplace'));
    expect(failure(() => mergeSync({ root, image: work.make('image') })).code).toBe('STATE_UNSAFE');
    expect(readdirSync(elsewhere)).toEqual([]);
  });
  test('nothing at all: nothing-to-recover, and nothing is written', async () => {
    using work = temporaryDirectory();
    const root = work.make('root');
    const before = everything(root);
    expect((await recover({ root })).outcome).toBe('nothing-to-recover');
    expect(everything(root)).toEqual(before);
  });
});

test('a dry run writes nothing, not even the lock', () => {
  using work = temporaryDirectory();
  const trees = { image: work.make('image'), root: work.make('root') };
  file(trees.image, 'a/b', 'new');
  file(trees.image, 'c', 'new');
  file(trees.root, 'c', 'old');
  linkSync(join(trees.image, 'c'), join(trees.image, 'd'));
  const before = [everything(trees.image), everything(trees.root)];
  const report = mergeSync({ ...trees, dryRun: true });
  expect([everything(trees.image), everything(trees.root)]).toEqual(before);
  expect(report).toMatchObject({
    outcome: 'planned',
    counts: { created: 3, replaced: 1, grafted: 1 },
    strategies: { rename: 4 },
  });
  expect(
    Array.from(report.plan?.placements ?? [], ({ name, action, rung, undo }) => [name, action, rung, undo]),
  ).toEqual([
    ['a', 'graft', 'rename', 'none'],
    ['c', 'replace', 'rename', 'link'],
    ['d', 'create', 'rename', 'none'],
  ]);
});
