import { type Random, randomOf, temporaryDirectory } from '@emplace/fixtures';
import { testWith } from '@emplace/fixtures/jest';
import { type DirHandle, type FileHandle, type FsPort, linuxPort, type Stat } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, toBytes } from '@emplace/syscalls';
import { expect } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';

const NAMES = ['a', 'b', 'c'].map(ascii);
const DIRECTORIES = ['', '', '', '', 'a', 'a', 'b', 'c', 'a/b', 'b/a', 'a/a', 'c/b', 'a/b/c'].map(ascii);
const MODES = [0o644, 0o4755, 0o6711, 0o2600];
const WORLDS = 60;
const STEPS = 100;

/** A port under test, with up to four handles that live on while their names change. */
interface Side {
  readonly fs: FsPort;
  readonly top: DirHandle;
  readonly held: (FileHandle | undefined)[];
}

type Call = (side: Side) => unknown;

/** What a call returned, or its errno. */
function outcome(act: () => unknown): unknown {
  try {
    return act() ?? 'success';
  } catch (error) {
    if (isErrno(error)) return error.code;
    throw error;
  }
}

/** What both ports agree on: times that were set, but no numbers that a file system gives. */
function plain(stat: Stat | undefined): object | undefined {
  if (stat === undefined) return undefined;
  const { type, mode, uid, gid, rdev, nlink, size, mtime } = stat;
  const set = mtime.sec < 1000 ? mtime : undefined;
  return { type, mode, uid, gid, rdev, nlink, size: type === 'directory' ? 0 : size, set };
}

function described(fs: FsPort, file: FileHandle): unknown {
  return [plain(fs.statHandle(file)), [...fs.xattrs(file)].map(String).sort()];
}

/** One call, chosen before it is made, so that it can be made on both sides. */
function draw({ pick, integer }: Random): Call {
  const [path, otherPath, name, other] = [pick(DIRECTORIES), pick(DIRECTORIES), pick(NAMES), pick(NAMES)];
  const [slot, size, mode] = [integer(4), integer(9000), pick(MODES)];
  const within =
    (act: (fs: FsPort, dir: DirHandle, side: Side) => unknown): Call =>
    (side) =>
      outcome(() => {
        const dir = side.fs.openDir(side.top, path);
        const result = outcome(() => act(side.fs, dir, side));
        side.fs.closeDir(dir);
        return result;
      });
  const between = (call: 'rename' | 'exchange' | 'link'): Call =>
    within((fs, from, { top }) => {
      const to = fs.openDir(top, otherPath);
      const result = outcome(() => fs[call](from, name, to, other));
      fs.closeDir(to);
      return result;
    });
  const held =
    (act: (fs: FsPort, file: FileHandle) => unknown): Call =>
    ({ fs, held }) => {
      const file = held[slot];
      return file === undefined ? undefined : outcome(() => act(fs, file));
    };
  const hold = (open: (fs: FsPort, dir: DirHandle) => FileHandle): Call =>
    within((fs, dir, { held }) => {
      const file = open(fs, dir);
      if (held[slot] !== undefined) fs.closeFile(held[slot]);
      held[slot] = file;
    });
  const key = `user.${name}` as Bytes;
  return pick<Call>([
    ...[between('rename'), between('rename'), between('rename'), between('exchange'), between('link')],
    within((fs, dir) => fs.unlink(dir, name)),
    within((fs, dir) => fs.rmdir(dir, name)),
    within((fs, dir) => fs.mkdir(dir, name, 0o755)),
    within((fs, dir) => fs.symlink(dir, name, other)),
    within((fs, dir) => fs.mknod(dir, name, 'fifo', 0o600, 0)),
    within((fs, dir) => plain(fs.stat(dir, name))),
    within((fs, dir) => fs.readlink(dir, name)),
    hold((fs, dir) => fs.createFile(dir, name, mode)),
    hold((fs, dir) => fs.pin(dir, name)),
    hold((fs, dir) => fs.openFile(dir, name)),
    held((fs, file) => fs.write(file, Buffer.alloc(1 + size, slot))),
    held((fs, file) => fs.write(file, Buffer.alloc(1 + slot, slot), size)),
    held((fs, file) => fs.read(file, Buffer.alloc(slot), size)),
    held((fs, file) => fs.truncate(file, size)),
    held((fs, file) => fs.chmod(file, mode)),
    held((fs, file) => fs.setTimes(file, { sec: slot, nsec: size })),
    held((fs, file) => fs.setXattr(file, key, Buffer.from(other))),
    held((fs, file) => fs.removeXattr(file, key)),
    held((fs, file) => fs.read(file, Buffer.alloc(size))),
    held(described),
    held((fs, file) => fs.chown(file, slot, 0)),
  ]);
}

testWith({ root: true }, 'any sequence of calls has the same outcome on both ports', () => {
  const random = randomOf(20_261_121);
  for (let world = 0; world < WORLDS; world++) {
    using place = temporaryDirectory();
    const [linux, memory] = [linuxPort(), memoryPort({ clone: false })];
    const sides: Side[] = [
      { fs: linux, top: linux.openRoot(toBytes(place.path)), held: [] },
      { fs: memory, top: memory.openRoot(ascii('/')), held: [] },
    ];
    for (const { fs, top } of sides) for (const name of NAMES) fs.mkdir(top, name, 0o755);
    for (let step = 0; step < STEPS; step++) {
      const call = draw(random);
      const [real, faked] = sides.map(call);
      expect({ world, step, outcome: faked }).toEqual({ world, step, outcome: real });
    }
    for (const { fs, top, held } of sides) {
      for (const file of held) if (file !== undefined) fs.closeFile(file);
      fs.closeDir(top);
    }
    expect(memory.openHandles()).toBe(0);
  }
});
