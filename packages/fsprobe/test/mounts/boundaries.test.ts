import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bindMount, makeLoopFs, mountTmpfs, remount, runInNamespace, temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { SyscallError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type Boundaries, type Boundary, boundariesUnder, MountsUnreadableError, readMounts } from '../../src/index.ts';
import { scene } from './scene.ts';

/** `PATH: what it is, what it refuses`, for each. */
function told({ boundaries }: Boundaries): string[] {
  return boundaries.map((boundary) => {
    const { path, readOnly, noExec, noSuid, noDev } = boundary;
    const flags = { readOnly, noExec, noSuid, noDev };
    return [`${path}:`, ...what(boundary), ...Object.entries(flags).flatMap(([name, set]) => (set ? [name] : []))].join(
      ' ',
    );
  });
}

function what(boundary: Boundary): string[] {
  if (boundary.kind === 'subvolume') return ['subvolume'];
  const { mount, shows, entry, reach } = boundary;
  const part = shows === 'all' ? [] : [shows, mount.root];
  return [
    mount.type,
    ...part,
    ...(entry === 'file' ? ['file'] : []),
    ...(reach === 'open' ? [] : [JSON.stringify(reach)]),
  ];
}

/** Asks the kernel: every directory into which a file from the directory above cannot be renamed, below `top`. */
function directoriesAcross(top: string, directory = ''): string[] {
  const entries = readdirSync(join(top, directory), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return entries.flatMap(({ name }) => {
    const path = join(directory, name);
    const [from, to] = [join(top, directory, 'moving'), join(top, path, 'moving')];
    writeFileSync(from, '');
    let across = false;
    try {
      renameSync(from, to);
    } catch (error) {
      across = (error as NodeJS.ErrnoException).code === 'EXDEV';
      if (!across) throw error;
    }
    rmSync(from, { force: true });
    rmSync(to, { force: true });
    return [...(across ? [path] : []), ...directoriesAcross(top, path)];
  });
}

describe('below a directory', () => {
  rootTest('every mount is told with what it shows and refuses', () => {
    using work = scene();
    for (const name of ['store/pkg/lib', 'a/b', 'ro', 'ext', 'locked', 'superlocked', 'too', 'gone', 'store/gone'])
      work.make(name);
    for (const name of ['store/hosts', 'etc-hosts']) writeFileSync(work.at(name), '');
    bindMount(work.at('store/pkg'), work.at('a/b'));
    bindMount(work.at('store/hosts'), work.at('etc-hosts'));
    bindMount(work.at('store'), work.at('ro'), { readOnly: true });
    makeLoopFs('ext4', 16, work.at('ext'), { mount: 'nosuid,nodev' });
    bindMount(work.at('ext'), work.at('locked'));
    remount(work.at('locked'), 'bind,noexec');
    mountTmpfs(work.at('superlocked'));
    bindMount(work.at('superlocked'), work.at('too'));
    remount(work.at('superlocked'), 'ro');
    bindMount(work.at('store/gone'), work.at('gone'));
    rmSync(work.at('store/gone'), { recursive: true });

    const found = boundariesUnder(work.path);
    expect(found).toMatchObject({ root: realpathSync(work.path), unread: [], unparsed: [] });
    expect(told(found)).toEqual([
      ': tmpfs',
      'a/b: tmpfs part /store/pkg',
      'etc-hosts: tmpfs part /store/hosts file',
      'ext: ext4 noSuid noDev',
      'gone: tmpfs part /store/gone',
      'locked: ext4 noExec noSuid noDev',
      'ro: tmpfs part /store readOnly',
      'superlocked: tmpfs readOnly',
      'too: tmpfs readOnly',
    ]);
    // A bind mount of the same file system has the same st_dev, and is a boundary all the same.
    expect(found.boundaries[1]?.dev).toBe(found.dev);
    expect(found.boundaries[1]?.mountId).not.toBe(found.mountId);
  });

  rootTest('rename gives EXDEV into each open boundary and into no other directory', () => {
    using work = scene();
    for (const name of ['plain/deep', 'store/one/two', 'bind', 'self', 'fs']) work.make(name);
    bindMount(work.at('store/one'), work.at('bind'));
    bindMount(work.at('plain'), work.at('self'));
    mountTmpfs(work.at('fs/inner'));
    mountTmpfs(work.at('fs/inner/more/still'));
    makeLoopFs('btrfs', 128, work.at('btrfs'));
    work.run(
      'cd btrfs; for s in v v/w x; do btrfs -q subvolume create $s; done; mkdir -p plain/p x/d; btrfs -q subvolume create plain/p/y',
    );
    const { boundaries } = boundariesUnder(work.path);
    expect(boundaries.map(({ path }) => path)).toEqual(['', ...directoriesAcross(work.path).sort()]);
  });

  rootTest('what is mounted over another mount hides it and all that is mounted below it', () => {
    using work = scene();
    mountTmpfs(work.at('a'), 'mode=0700');
    mountTmpfs(work.at('a/b/c'));
    mountTmpfs(work.at('a'), 'mode=0755');
    mountTmpfs(work.at('a/b'));
    for (const _ of [1, 2, 3]) mountTmpfs(work.at('z'));
    const found = boundariesUnder(work.path);
    expect(told(found)).toEqual([
      ': tmpfs',
      'a: tmpfs "hidden"',
      'a: tmpfs',
      'a/b: tmpfs',
      'a/b/c: tmpfs "hidden"',
      'z: tmpfs "hidden"',
      'z: tmpfs "hidden"',
      'z: tmpfs',
    ]);
    const open = found.boundaries.filter(({ reach }) => reach === 'open');
    expect(open.map(({ path, dev }) => [path, dev])).toEqual(
      open.map(({ path }) => [path, statSync(work.at(path)).dev]),
    );
  });

  rootTest('a mount behind a symlink that covers its path is hidden', () => {
    using work = scene();
    mountTmpfs(work.at('a/b/c'));
    mountTmpfs(work.at('a'));
    work.make('elsewhere/c');
    symlinkSync(work.at('elsewhere'), work.at('a/b'));
    bindMount(work.at('elsewhere'), work.at('elsewhere/c'));
    expect(told(boundariesUnder(work.at('a')))).toEqual([': tmpfs', 'b/c: tmpfs "hidden"']);
  });

  rootTest('subvolumes are found wherever they are on btrfs, by name or mounted, and read-only ones are told', () => {
    using work = scene();
    makeLoopFs('btrfs', 128, work.at('top'));
    work.run(`cd top
      for s in @ @home @/nested @/nested/inner @/dir; do btrfs -q subvolume create $s; done
      mkdir -p @/usr/share; btrfs -q subvolume create @/usr/share/deep; ln -s ../../@home @/usr/link
      btrfs -q subvolume snapshot -r @home @/readonly; btrfs -q subvolume snapshot -r @home frozen
      mkdir @/mnt @/tmp ../home ../frozen ../part
      device=$(findmnt -no SOURCE .)
      mount -o subvol=@home,noexec $device ../home; mount -o subvol=frozen $device ../frozen
      mount --bind @/usr ../part; mount -t tmpfs none @/tmp; mount --bind @/nested @/mnt; mount --bind @home @/dir`);
    expect(told(boundariesUnder(work.path))).toEqual([
      ': tmpfs',
      'frozen: btrfs subvolume /frozen readOnly',
      'home: btrfs subvolume /@home noExec',
      'part: btrfs part /@/usr',
      'part/share/deep: subvolume',
      'top: btrfs',
      'top/@: subvolume',
      'top/@/dir: btrfs subvolume /@home',
      'top/@/mnt: btrfs subvolume /@/nested',
      'top/@/mnt/inner: subvolume',
      'top/@/nested: subvolume',
      'top/@/nested/inner: subvolume',
      'top/@/readonly: subvolume readOnly',
      'top/@/tmp: tmpfs',
      'top/@/usr/share/deep: subvolume',
      'top/@home: subvolume',
      'top/frozen: subvolume readOnly',
    ]);
    expect(told(boundariesUnder(work.at('top/@/readonly')))).toEqual([': subvolume readOnly']);
    expect(told(boundariesUnder(work.at('top/@/usr')))).toEqual(['share/deep: subvolume']);
    expect(told(boundariesUnder(work.at('frozen')))).toEqual([': btrfs subvolume /frozen readOnly']);
    const { boundaries, unread } = boundariesUnder(work.at('top'));
    expect({ count: boundaries.length, unread }).toEqual({ count: 12, unread: [] });
    const deep = boundaries.find(({ path }) => path === '@/usr/share/deep');
    expect(deep?.dev).toBe(statSync(work.at('top/@/usr/share/deep')).dev);
  });

  rootTest('names are bytes: newline, space, backslash, ` (deleted)`, escapes, and what is not UTF-8', () => {
    using work = scene();
    const names = ['new\nline', 'a space', 'back\\slash', '\\040', 'x (deleted)', 'e\x1b[2J'];
    for (const name of names) mountTmpfs(work.at(name));
    work.run(String.raw`n=$(printf 'a\377\240z'); mkdir "$n"; mount -t tmpfs none "$n"`);
    expect(boundariesUnder(work.path).boundaries.map(({ path }) => path)).toEqual(['', ...names, 'a\xff\xa0z'].sort());
    const inside = boundariesUnder(work.at('x (deleted)'));
    expect(inside).toMatchObject({ root: `${realpathSync(work.path)}/x (deleted)`, boundaries: [{ path: '' }] });
    const raw = Buffer.concat([Buffer.from(`${work.path}/`), Buffer.from('a\xff\xa0z', 'latin1')]);
    expect(boundariesUnder(raw).boundaries).toMatchObject([{ path: '', reach: 'open' }]);
  });
});

describe('the directory itself', () => {
  rootTest('may be reached by a symlink, and lie below a mount point: that mount encloses it', () => {
    using work = scene();
    mountTmpfs(work.at('fs'));
    work.make('fs/deep/er');
    mountTmpfs(work.at('fs/deep/er/below'));
    mountTmpfs(work.at('fs/beside'));
    symlinkSync('fs/deep', work.at('link'));
    const found = boundariesUnder(work.at('link/er'));
    expect(found.root).toBe(`${realpathSync(work.path)}/fs/deep/er`);
    expect(found.enclosing?.point).toBe(`${realpathSync(work.path)}/fs`);
    expect(told(found)).toEqual(['below: tmpfs']);
    expect(boundariesUnder('/').boundaries[0]).toMatchObject({ path: '', kind: 'mount', reach: 'open' });
  });

  test('that is not there, is none, or leads in a circle is refused as open(2) refuses it', () => {
    using work = temporaryDirectory();
    writeFileSync(work.at('file'), '');
    symlinkSync('loop', work.at('loop'));
    const codes = ['absent', 'file', 'loop'].map((name) => codeOf(() => boundariesUnder(work.at(name))));
    expect(codes).toEqual(['ENOENT', 'ENOTDIR', 'ELOOP']);
    expect(codeOf(() => boundariesUnder('a\0b'))).toBe('EINVAL');
  });

  test('that was removed is not taken for another with its name', () => {
    using work = temporaryDirectory();
    const before = process.cwd();
    process.chdir(work.make('gone'));
    try {
      rmSync(work.at('gone'), { recursive: true });
      mkdirSync(work.at('gone (deleted)'));
      expect(codeOf(() => boundariesUnder('.'))).toBe('ENOENT');
    } finally {
      process.chdir(before);
    }
  });

  rootTest('that may not be opened is refused, and a mount that may not be looked at is told as that', () => {
    using work = scene();
    work.make('closed');
    mountTmpfs(work.at('closed/fs'));
    makeLoopFs('btrfs', 128, work.at('btrfs'));
    work.run('mkdir -m 700 btrfs/closed; btrfs -q subvolume create btrfs/closed/v; chmod 700 closed');
    const unprivileged = <T>(act: () => T): T => {
      process.seteuid?.(65534);
      try {
        return act();
      } finally {
        process.seteuid?.(0);
      }
    };
    work.run('chmod 755 .. ../..');
    expect(unprivileged(() => codeOf(() => boundariesUnder(work.at('closed'))))).toBe('EACCES');
    const found = unprivileged(() => boundariesUnder(work.path));
    expect(told(found)).toEqual([': tmpfs', 'btrfs: btrfs', 'closed/fs: tmpfs {"unread":"EACCES"}']);
    expect(found.unread).toEqual([{ path: 'btrfs/closed', code: 'EACCES' }]);
  });
});

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SyscallError || error instanceof MountsUnreadableError) return error.code;
    throw error;
  }
  throw new Error('not refused');
}

describe('a look at the mounts', () => {
  rootTest('asks a file system that answers nothing for nothing', async () => {
    const script = new URL('./silent-server-script.ts', import.meta.url);
    expect(JSON.parse(await runInNamespace(script, [], { timeoutMs: 120_000 }))).toEqual({
      told: ['', 'silent'].map((path) => ({ path, reach: 'open', entry: 'directory' })),
      asked: [],
    });
  });

  testWith({ root: true, tools: ['strace'] }, 'costs a few calls for each of thousands', async () => {
    using work = scene();
    mkdirSync(work.at('m'));
    // Each bind mount of all there is doubles it.
    work.run(
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do mkdir m/$i; mount --rbind m m/$i || mount --rbind . m/$i; done',
    );
    const { boundaries } = boundariesUnder(work.path);
    expect(boundaries.length).toBeGreaterThan(5000);
    expect(new Set(boundaries.map((boundary) => boundary.mountId)).size).toBe(boundaries.length);
    const script = fileURLToPath(new URL('./look-script.ts', import.meta.url));
    const node = [process.execPath, '--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script];
    const trace = work.at('trace');
    execFileSync('strace', ['-f', '-qq', '-e', 'trace=openat2,statx', '-o', trace, ...node, work.path]);
    const calls = readFileSync(trace, 'latin1').split('\n');
    expect(calls.filter((line) => line.includes('openat2(')).length).toBe(boundaries.length - 1);
    expect(calls.filter((line) => /statx\(\d+, ""/.test(line)).length).toBeLessThan(boundaries.length + 100);
  });
});

describe('without the list of mounts', () => {
  const script = new URL('./no-list-script.ts', import.meta.url);

  rootTest('nothing is told: no procfs at /proc', async () => {
    const text = 'the mounts of this process cannot be read: `/proc` is not mounted';
    expect(JSON.parse(await runInNamespace(script))).toEqual({ code: 'MOUNTS_UNREADABLE', message: text });
  });

  test('of a process that is not there, readMounts says so', () => {
    expect(() => readMounts(2 ** 30)).toThrow(MountsUnreadableError);
    expect(() => readMounts(2 ** 30)).toThrow(/^the mounts of process 1073741824 cannot be read: ENOENT: openat/);
  });
});

test('the mounts of this process are those that the kernel lists, by its name or number', () => {
  const ids = readMounts('self').mounts.map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(0);
  expect(readMounts(process.pid).mounts.map(({ id }) => id)).toEqual(ids);
});
