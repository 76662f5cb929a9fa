/** A small tree on either port, written and read back as lines, so that a test says what is there and not which calls. */
import { readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { otherMount, temporaryDirectory } from '@emplace/fixtures';
import { type DirHandle, type FileHandle, type FsPort, linuxPort, type Stat } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, toBytes } from '@emplace/syscalls';
import { describe, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';

export const HERE: Bytes = ascii('');

type Test = (name: string, body: () => void) => void;

/** A port to be tested, and the tests that can run there; the others are skipped by name. */
export interface Subject {
  readonly scene: () => Scene;
  readonly test: Test;
  readonly rootTest: Test;
  /** Needs a second device. */
  readonly deviceTest: Test;
}

/** An empty directory and the port that it is reached by. Paths in it are text; `''` is the directory itself. */
export class Scene implements Disposable {
  readonly fs: FsPort;
  readonly dir: DirHandle;
  /** An empty directory on another device. */
  readonly other: DirHandle;
  /** How many handles or descriptors the process has. */
  readonly openCount: () => number;
  readonly #end: () => void;

  constructor(fs: FsPort, top: Bytes, other: Bytes, openCount: () => number, end: () => void) {
    this.fs = fs;
    this.dir = fs.openRoot(top);
    this.other = fs.openRoot(other);
    this.openCount = openCount;
    this.#end = end;
  }

  [Symbol.dispose](): void {
    this.fs.closeDir(this.dir);
    this.fs.closeDir(this.other);
    this.#end();
  }

  within<T>(path: string, act: (dir: DirHandle, name: Bytes) => T): T {
    const slash = path.lastIndexOf('/');
    const dir = this.fs.openDir(this.dir, ascii(path.slice(0, Math.max(slash, 0))));
    try {
      return act(dir, ascii(path.slice(slash + 1)));
    } finally {
      this.fs.closeDir(dir);
    }
  }

  /** `d/` a directory, `p|` a FIFO, `f=content`, `l->target`, `h==f` a hard link to what is there already. */
  make(...lines: readonly string[]): void {
    for (const line of lines) {
      const [, path = '', kind, rest = ''] = /^(.*?)(\/$|\|$|==|=|->)(.*)$/s.exec(line) ?? [];
      this.within(path, (dir, name) => {
        if (kind === '/') this.fs.mkdir(dir, name, 0o755);
        else if (kind === '|') this.fs.mknod(dir, name, 'fifo', 0o644, 0);
        else if (kind === '->') this.fs.symlink(dir, name, ascii(rest));
        else if (kind === '==') this.within(rest, (from, source) => this.fs.link(from, source, dir, name));
        else {
          const file = this.fs.createFile(dir, name, 0o644);
          this.fs.write(file, Buffer.from(rest, 'latin1'));
          this.fs.closeFile(file);
        }
      });
    }
  }

  /** Everything below the directory in the notation of `make`, sorted; each name of a hard link has its content. */
  tree(dir: DirHandle = this.dir, prefix = ''): string[] {
    const lines: string[] = [];
    for (const { name } of this.fs.list(dir)) {
      const type = this.fs.stat(dir, name)?.type;
      const path = prefix + name;
      if (type === 'fifo') lines.push(`${path}|`);
      else if (type === 'symlink') lines.push(`${path}->${this.fs.readlink(dir, name)}`);
      else if (type === 'file') lines.push(`${path}=${this.content(dir, name)}`);
      else if (type === 'directory') {
        const below = this.fs.openDir(dir, name);
        lines.push(`${path}/`, ...this.tree(below, `${path}/`));
        this.fs.closeDir(below);
      } else lines.push(`${path}: ${type}`);
    }
    return prefix === '' ? lines.sort() : lines;
  }

  content(dir: DirHandle, name: Bytes): string {
    const file = this.fs.openFile(dir, name);
    const text = this.rest(file);
    this.fs.closeFile(file);
    return text;
  }

  /** What is left to read. */
  rest(file: FileHandle): string {
    const buffer = Buffer.alloc(1 << 20);
    return buffer.toString('latin1', 0, this.fs.read(file, buffer));
  }

  stat(path: string): Stat {
    const found = this.within(path, (dir, name) => this.fs.stat(dir, name));
    if (found === undefined) throw new Error(`no ${path}`);
    return found;
  }

  /** Opens for writing by making it, closes at the end. */
  writing<T>(path: string, act: (file: FileHandle) => T): T {
    return this.#closing(
      this.within(path, (dir, name) => this.fs.createFile(dir, name, 0o644)),
      act,
    );
  }

  reading<T>(path: string, act: (file: FileHandle) => T): T {
    return this.#closing(
      this.within(path, (dir, name) => this.fs.openFile(dir, name)),
      act,
    );
  }

  pinned<T>(path: string, act: (file: FileHandle) => T): T {
    return this.#closing(
      this.within(path, (dir, name) => this.fs.pin(dir, name)),
      act,
    );
  }

  #closing<T>(file: FileHandle, act: (file: FileHandle) => T): T {
    try {
      return act(file);
    } finally {
      this.fs.closeFile(file);
    }
  }

  /** These four return the errno name or `success`. */
  rename(source: string, target: string): string {
    return this.#between(source, target, this.fs.rename);
  }

  exchange(source: string, target: string): string {
    return this.#between(source, target, this.fs.exchange);
  }

  renameNew(source: string, target: string): string {
    return this.#between(source, target, this.fs.renameNew);
  }

  link(source: string, target: string): string {
    return this.#between(source, target, this.fs.link);
  }

  at(path: string, act: (dir: DirHandle, name: Bytes) => unknown): string {
    return this.within(path, (dir, name) => errno(() => act(dir, name)));
  }

  #between(source: string, target: string, act: FsPort['rename']): string {
    return this.within(source, (from, a) => this.within(target, (to, b) => errno(() => act(from, a, to, b))));
  }
}

export function errno(act: () => unknown): string {
  try {
    act();
    return 'success';
  } catch (error) {
    if (isErrno(error)) return error.code;
    throw error;
  }
}

function memoryScene(): Scene {
  const fs = memoryPort({ mounts: [{ path: '/tree' }, { path: '/other' }] });
  return new Scene(fs, ascii('/tree'), ascii('/other'), fs.openHandles, () => {});
}

function linuxScene(): Scene {
  const place = temporaryDirectory();
  const other = hasOtherDevice() ? otherMount() : temporaryDirectory();
  const end = (): void => {
    place[Symbol.dispose]();
    other[Symbol.dispose]();
  };
  const openCount = (): number => readdirSync('/proc/self/fd').length;
  return new Scene(linuxPort(), toBytes(place.path), toBytes(other.path), openCount, end);
}

function hasOtherDevice(): boolean {
  const { dev } = statSync(tmpdir());
  return ['/dev/shm', '/run', '/var/tmp', '/tmp'].some((path) => {
    try {
      return statSync(path).dev !== dev;
    } catch {
      return false;
    }
  });
}

const skipping =
  (reason: string): Test =>
  (name, body) =>
    void test.skip(`${name} [needs ${reason}]`, body);

/** Runs the suite on the port in memory and on the real one. */
export function onBothPorts(suite: (subject: Subject) => void): void {
  describe('in memory', () => suite({ scene: memoryScene, test, rootTest: test, deviceTest: test }));
  const rootTest = process.geteuid?.() === 0 ? test : skipping('root');
  const deviceTest = hasOtherDevice() ? test : skipping('a second device');
  describe('on Linux', () => suite({ scene: linuxScene, test, rootTest, deviceTest }));
}
