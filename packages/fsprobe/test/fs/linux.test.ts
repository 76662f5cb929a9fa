import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DirHandle, type FileHandle, linuxPort, type Stat } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';

const fs = linuxPort();
const HERE = ascii('');
const testAsRoot = process.geteuid?.() === 0 ? test : test.skip;

/** An empty real directory, open, and gone at the end of the block. */
class Root implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'linux-port-'));
  readonly dir: DirHandle = fs.openRoot(toBytes(this.path));

  stat(name: string): Stat {
    const found = fs.stat(this.dir, toBytes(name));
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  }

  pinned<T>(name: string, act: (file: FileHandle) => T): T {
    const file = fs.pin(this.dir, toBytes(name));
    try {
      return act(file);
    } finally {
      fs.closeFile(file);
    }
  }

  [Symbol.dispose](): void {
    fs.closeDir(this.dir);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function errno(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (isErrno(error)) return error.code;
    throw error;
  }
  return 'success';
}

function underUmask<T>(mask: number, act: () => T): T {
  const before = process.umask(mask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

describe('opening a directory below another', () => {
  function opens(root: Root, path: string): string {
    return errno(() => fs.closeDir(fs.openDir(root.dir, toBytes(path))));
  }

  test('follows no symlink in any component (G6)', () => {
    using root = new Root();
    mkdirSync(join(root.path, 'a/b'), { recursive: true });
    symlinkSync('a', join(root.path, 'link'));
    symlinkSync('b', join(root.path, 'a/last'));
    symlinkSync('/', join(root.path, 'outside'));
    expect(opens(root, 'a/b')).toBe('success');
    for (const path of ['link', 'link/b', 'a/last', 'outside', 'outside/etc']) {
      expect([path, opens(root, path)]).toEqual([path, 'ELOOP']);
    }
  });

  test('never leaves it (G6)', () => {
    using root = new Root();
    mkdirSync(join(root.path, 'a'));
    for (const path of ['..', 'a/../..', '/', '/etc']) expect([path, opens(root, path)]).toEqual([path, 'EXDEV']);
  });

  test('goes as deep as a tree can be, past PATH_MAX', () => {
    using root = new Root();
    const component = ascii('d'.repeat(200));
    const depth = 50;
    let dir = fs.openDir(root.dir, HERE);
    for (let i = 0; i < depth; i++) {
      fs.mkdir(dir, component, 0o755);
      const next = fs.openDir(dir, component);
      fs.closeDir(dir);
      dir = next;
    }
    const bottom = fs.stat(dir, HERE)?.ino;
    fs.symlink(dir, ascii('link'), ascii('/'));
    fs.closeDir(dir);
    const path = Array.from({ length: depth }, () => component).join('/') as Bytes;
    expect(path.length).toBeGreaterThan(2 * 4096);
    const again = fs.openDir(root.dir, path);
    expect(fs.stat(again, HERE)?.ino).toBe(bottom);
    fs.closeDir(again);
    expect(opens(root, `${path}/link`)).toBe('ELOOP');
    expect(opens(root, `${path}/absent`)).toBe('ENOENT');
    expect(opens(root, 'x'.repeat(5000))).toBe('ENAMETOOLONG');
  });

  testAsRoot('is possible where one may search but not read; listing it is not', () => {
    using root = new Root();
    mkdirSync(join(root.path, 'private'));
    writeFileSync(join(root.path, 'private/file'), '');
    chmodSync(join(root.path, 'private'), 0o711);
    chmodSync(root.path, 0o755);
    const port = new URL('../../src/fs/linux.ts', import.meta.url).pathname;
    const script = `
      import { linuxPort } from '${port}';
      process.setgid(65534); process.setgroups([]); process.setuid(65534);
      const fs = linuxPort();
      const code = (act) => { try { act(); return 'success'; } catch (error) { return error.code; } };
      const dir = fs.openDir(fs.openRoot('${root.path}'), 'private');
      const refused = [fs.list, fs.fsyncDir, fs.syncfs].map((call) => code(() => call(dir)));
      console.log(fs.stat(dir, 'file').type, ...refused);`;
    const args = ['--conditions=@emplace/source', '--input-type=module', '-e', script];
    const cwd = new URL('../../', import.meta.url).pathname;
    expect(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' })).toBe('file EACCES EACCES EACCES\n');
  });
});

describe('a pinned entry', () => {
  testAsRoot('that is a symlink has its own owner, times and attributes; its target is untouched', () => {
    using root = new Root();
    writeFileSync(join(root.path, 'target'), '');
    symlinkSync('target', join(root.path, 'link'));
    const before = root.stat('target');
    const [key, mtime] = [ascii('trusted.emplace'), { sec: 1_000_000_000, nsec: 987_654_321 }];
    root.pinned('link', (link) => {
      fs.chown(link, 1, 2);
      fs.setXattr(link, key, Buffer.from('on the link'));
      fs.setTimes(link, mtime);
      expect(fs.statHandle(link)).toMatchObject({ type: 'symlink', uid: 1, gid: 2, mtime });
      expect([...fs.xattrs(link)]).toEqual([[key, Buffer.from('on the link')]]);
      expect(errno(() => fs.setXattr(link, ascii('user.x'), Buffer.from('x')))).toBe('EPERM');
    });
    expect(root.stat('link')).toMatchObject({ uid: 1, gid: 2, mtime });
    expect(root.stat('target')).toEqual(before);
    root.pinned('target', (target) => expect(fs.xattrs(target).size).toBe(0));
    root.pinned('link', (link) => {
      fs.removeXattr(link, key);
      expect(fs.xattrs(link).size).toBe(0);
    });
  });

  test('takes a mode when it is a file, directory or FIFO, and keeps it through a rename', () => {
    using root = new Root();
    fs.closeFile(fs.createFile(root.dir, ascii('file'), 0o600));
    fs.mkdir(root.dir, ascii('directory'), 0o700);
    fs.mknod(root.dir, ascii('fifo'), 'fifo', 0o600, 0);
    for (const name of ['file', 'directory', 'fifo']) {
      root.pinned(name, (file) => {
        fs.rename(root.dir, ascii(name), root.dir, ascii(`${name}-moved`));
        fs.chmod(file, 0o751);
      });
      expect(root.stat(`${name}-moved`).mode).toBe(0o751);
    }
  });

  test('may be the directory itself', () => {
    using root = new Root();
    root.pinned('', (dir) => fs.chmod(dir, 0o2755));
    expect(root.stat('').mode).toBe(0o2755);
  });
});

describe('a mode is as given', () => {
  test.each([0o000, 0o022, 0o077, 0o777])('under umask %o', (mask) => {
    using root = new Root();
    // The umask is read when it first matters, by each port for itself.
    underUmask(mask, () => {
      const port = linuxPort();
      port.closeFile(port.createFile(root.dir, ascii('plain'), 0o600));
      port.closeFile(port.createFile(root.dir, ascii('program'), 0o4755));
      port.mkdir(root.dir, ascii('directory'), 0o1777);
      port.mknod(root.dir, ascii('fifo'), 'fifo', 0o666, 0);
    });
    expect(['plain', 'program', 'directory', 'fifo'].map((name) => root.stat(name).mode)).toEqual([
      ...[0o600, 0o4755, 0o1777, 0o666],
    ]);
  });

  test('in a setgid directory', () => {
    using root = new Root();
    chmodSync(root.path, 0o2755);
    fs.mkdir(root.dir, ascii('directory'), 0o700);
    expect(root.stat('directory').mode).toBe(0o700);
  });
});

test('an unnamed file leaves no name', () => {
  using root = new Root();
  const file = fs.createUnnamed(root.dir);
  fs.write(file, Buffer.from('content'));
  expect(fs.statHandle(file)).toMatchObject({ type: 'file', nlink: 0, size: 7 });
  expect(fs.list(root.dir)).toEqual([]);
  fs.closeFile(file);
});

test('a file is created where nothing is, not even a dangling symlink', () => {
  using root = new Root();
  symlinkSync('elsewhere', join(root.path, 'link'));
  expect(errno(() => fs.createFile(root.dir, ascii('link'), 0o600))).toBe('EEXIST');
  expect(errno(() => fs.openFile(root.dir, ascii('link')))).toBe('ELOOP');
  expect(readdirSync(root.path)).toEqual(['link']);
});

test('a FIFO without a writer does not hold up the opening', () => {
  using root = new Root();
  fs.mknod(root.dir, ascii('fifo'), 'fifo', 0o600, 0);
  const file = fs.openFile(root.dir, ascii('fifo'));
  expect(fs.statHandle(file).type).toBe('fifo');
  fs.closeFile(file);
});

test('the data between holes is found and copied at its place', () => {
  using root = new Root();
  const source = fs.createFile(root.dir, ascii('source'), 0o600);
  const far = 3 * 2 ** 20;
  fs.write(source, Buffer.alloc(4096, 'x'), far);
  fs.truncate(source, 2 * far);
  expect(fs.nextData(source, 0)).toEqual({ start: far, end: far + 4096 });
  expect(fs.nextData(source, far + 4096)).toBeUndefined();
  const target = fs.createFile(root.dir, ascii('target'), 0o600);
  expect(fs.copyRange(source, target, far, 4096)).toBe(4096);
  fs.truncate(target, 2 * far);
  expect(readFileSync(join(root.path, 'target')).equals(readFileSync(join(root.path, 'source')))).toBe(true);
  expect(root.stat('target').blocks).toBeLessThan(64);
  for (const file of [source, target]) fs.closeFile(file);
});

test('attributes of an open file: times to the nanosecond and every key', () => {
  using root = new Root();
  const file = fs.createFile(root.dir, ascii('file'), 0o600);
  const mtime = { sec: 1_700_000_000, nsec: 123_456_789 };
  fs.setXattr(file, ascii('user.a'), Buffer.from('1'));
  fs.setXattr(file, toBytes(Buffer.from('user.\xff', 'latin1')), Buffer.alloc(2000, 2));
  fs.setTimes(file, mtime);
  expect([...fs.xattrs(file).values()].map((value) => value.length).sort()).toEqual([1, 2000]);
  expect(fs.statHandle(file).mtime).toEqual(mtime);
  fs.closeFile(file);
});

test('a file system without attributes has none', () => {
  const proc = fs.openRoot(ascii('/proc'));
  const file = fs.openFile(proc, ascii('version'));
  expect(fs.xattrs(file).size).toBe(0);
  fs.closeFile(file);
  fs.closeDir(proc);
});

test('a lock is refused while another holds it', () => {
  using root = new Root();
  const owner = fs.createFile(root.dir, ascii('lock'), 0o600);
  const other = fs.openFile(root.dir, ascii('lock'));
  expect(fs.tryFlock(owner)).toBe(true);
  expect(fs.tryFlock(other)).toBe(false);
  fs.closeFile(owner);
  expect(fs.tryFlock(other)).toBe(true);
  fs.closeFile(other);
});

test('the room below a directory is told in bytes and inodes', () => {
  using root = new Root();
  const space = fs.space(root.dir);
  expect(space).toMatchObject({ readOnly: false, nameMax: 255 });
  expect(space.bytesFree).toBeGreaterThan(space.blockSize);
});

test('descriptors are balanced, and none is inherited by a child', () => {
  using root = new Root();
  mkdirSync(join(root.path, 'a'));
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 100; i++) {
    fs.closeFile(fs.createFile(root.dir, ascii('file'), 0o644));
    errno(() => fs.createFile(root.dir, ascii('file'), 0o644));
    fs.mkdir(root.dir, ascii('directory'), 0o1777);
    fs.closeDir(fs.openDir(root.dir, ascii('a')));
    errno(() => fs.openDir(root.dir, ascii('file')));
    root.pinned('a', (file) => fs.xattrs(file));
    fs.closeFile(fs.createUnnamed(root.dir));
    fs.rmdir(root.dir, ascii('directory'));
    fs.unlink(root.dir, ascii('file'));
  }
  expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  const pinned = fs.pin(root.dir, ascii('a'));
  const listing = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  expect(listing).not.toContain(readlinkSync(`/proc/self/fd/${root.dir}`));
  fs.closeFile(pinned);
});
