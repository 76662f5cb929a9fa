/** What the file system of a target directory can do and carry. Each question leaves its files to the workbench. */

import { ascii, isErrno } from '@emplace/syscalls';
import type { FileHandle, Stat, Timestamp } from '../fs/port.ts';
import { ANY_NAME, longest } from './bench-names.ts';
import { type Fact, type Instead, measured, no, notMeasured, yes } from './fact.ts';
import type { Workbench } from './workbench.ts';

/** RENAME_NOREPLACE. */
export function noReplace(bench: Workbench): Fact {
  const { target, fs } = bench;
  makeFile(bench, 'no-replace');
  fs.renameNew(target, ascii('no-replace'), target, ascii('no-replace-2'));
  return yes;
}

/** RENAME_EXCHANGE. */
export function exchange(bench: Workbench): Fact {
  const { target, fs } = bench;
  makeFile(bench, 'exchange');
  makeFile(bench, 'exchange-2');
  fs.exchange(target, ascii('exchange'), target, ascii('exchange-2'));
  return yes;
}

/** A hard link beside its file. */
export function hardLink(bench: Workbench): Fact {
  const { target, fs } = bench;
  makeFile(bench, 'hard-link');
  fs.link(target, ascii('hard-link'), target, ascii('hard-link-2'));
  return yes;
}

/** Entries can be given to others (asked with an owner that is not ours), and stay theirs. */
export function owner(bench: Workbench): Fact {
  const { fs } = bench;
  return kept(bench, 'owner', (file) => {
    const before = fs.statHandle(file);
    const wanted = { uid: before.uid + 1, gid: before.gid + 1 };
    try {
      fs.chown(file, wanted.uid, wanted.gid);
    } catch (error) {
      // In a user namespace that has no such id: that is no word of the file system.
      if (isErrno(error, 'EINVAL')) return notMeasured('no other owner is mapped here (EINVAL)');
      throw error;
    }
    const { uid, gid } = fs.statHandle(file);
    return uid === wanted.uid && gid === wanted.gid ? yes : no(`came back as ${uid}:${gid}`);
  });
}

/** All twelve bits of a mode are kept. */
export function mode(bench: Workbench): Fact {
  const { fs } = bench;
  return kept(bench, 'mode', (file) => {
    fs.chmod(file, 0o6751);
    const found = fs.statHandle(file).mode;
    return found === 0o6751 ? yes : no(`came back as ${found.toString(8)}`);
  });
}

/** Times are kept to the nanosecond. */
export function nanoseconds(bench: Workbench): Fact {
  return time(bench, 'nanoseconds', { sec: 1_500_000_001, nsec: 123_456_789 });
}

/** Times are kept to the second: vfat rounds to two. */
export function seconds(bench: Workbench): Fact {
  return time(bench, 'seconds', { sec: 1_500_000_001, nsec: 0 });
}

export function userXattr(bench: Workbench): Fact {
  return xattr(bench, 'user.emplace', Buffer.from('value'));
}

export function trustedXattr(bench: Workbench): Fact {
  return xattr(bench, 'trusted.emplace', Buffer.from('value'));
}

/** File capabilities (capabilities(7)): revision 2, cap_net_bind_service permitted. */
export function capability(bench: Workbench): Fact {
  const value = Buffer.alloc(20);
  value.writeUInt32LE(0x02000000, 0);
  value.writeUInt32LE(1 << 10, 4);
  return xattr(bench, 'security.capability', value);
}

/** A POSIX ACL with a named user (acl(5); version 2 of its xattr: tag, permissions, id). */
export function acl(bench: Workbench): Fact {
  const undefinedId = 0xffffffff;
  const entries = [
    [0x01, 6, undefinedId],
    [0x02, 4, bench.fs.uid],
    [0x04, 4, undefinedId],
    [0x10, 4, undefinedId],
    [0x20, 0, undefinedId],
  ] as const;
  const value = Buffer.alloc(4 + 8 * entries.length);
  value.writeUInt32LE(2, 0);
  for (const [at, [tag, permissions, id]] of entries.entries()) {
    value.writeUInt16LE(tag, 4 + 8 * at);
    value.writeUInt16LE(permissions, 6 + 8 * at);
    value.writeUInt32LE(id, 8 + 8 * at);
  }
  return xattr(bench, 'system.posix_acl_access', value);
}

/** A hole takes no blocks. */
export function holes(bench: Workbench): Fact {
  const { fs } = bench;
  const size = 1 << 20;
  return withFile(bench, 'holes', (file) => {
    fs.truncate(file, size);
    return fs.statHandle(file).blocks * 512 < size ? yes : no('is filled with blocks');
  });
}

export function symlink({ target, fs }: Workbench): Fact {
  const name = ascii('symlink');
  fs.symlink(target, name, ascii('nowhere'));
  return fs.readlink(target, name) === 'nowhere' ? yes : no('says something else');
}

export function fifo(bench: Workbench): Fact {
  bench.fs.mknod(bench.target, ascii('fifo'), 'fifo', 0o600, 0);
  return typeIs(bench, 'fifo', 'fifo');
}

export function device(bench: Workbench): Fact {
  bench.fs.mknod(bench.target, ascii('device'), 'char', 0o600, 0x0103);
  return typeIs(bench, 'device', 'char');
}

/** Names are bytes and come back as they were given. */
export function anyName({ target, fs }: Workbench): Fact {
  fs.closeFile(fs.createFile(target, ANY_NAME, 0o600));
  return fs.list(target).some((entry) => entry.name === ANY_NAME) ? yes : no('comes back under another name');
}

/** `Name` and `name` are two names. */
export function caseSensitive(bench: Workbench): Fact {
  makeFile(bench, 'Case');
  return bench.fs.stat(bench.target, ascii('case')) === undefined ? yes : no('finds `Case` as `case`');
}

/** A name of as many bytes as statfs says. */
export function longestName({ target, fs }: Workbench): Fact {
  const { nameMax } = fs.space(target);
  fs.closeFile(fs.createFile(target, longest(nameMax), 0o600));
  return yes;
}

/** When it is not kept: what there is instead, so that it can be told which entries lose something. */
function kept(bench: Workbench, name: string, ask: (file: FileHandle) => Fact): Fact {
  const fact = measured(bench, () => withFile(bench, name, ask));
  return fact.answer === 'no' ? { ...fact, instead: insteadIn(bench) } : fact;
}

function insteadIn(bench: Workbench): Instead {
  const { target, fs } = bench;
  const directory = ascii('instead-directory');
  if (fs.stat(target, directory) === undefined) fs.mkdir(target, directory, 0o700);
  const directoryMode = fs.stat(target, directory)?.mode ?? 0;
  const name = fs.stat(target, ascii('instead')) === undefined ? 'instead' : 'instead-2';
  const { uid, gid, mode: fileMode } = withFile(bench, name, (file) => fs.statHandle(file));
  return { uid, gid, fileMode, directoryMode };
}

function withFile<T>({ target, fs }: Workbench, name: string, act: (file: FileHandle) => T): T {
  const file = fs.createFile(target, ascii(name), 0o600);
  try {
    return act(file);
  } finally {
    fs.closeFile(file);
  }
}

function makeFile(bench: Workbench, name: string): void {
  withFile(bench, name, () => {});
}

function xattr(bench: Workbench, key: string, value: Buffer): Fact {
  return withFile(bench, key, (file) => {
    bench.fs.setXattr(file, ascii(key), value);
    return bench.fs.xattrs(file).get(ascii(key))?.equals(value) === true ? yes : no('comes back as something else');
  });
}

function time(bench: Workbench, name: string, wanted: Timestamp): Fact {
  return withFile(bench, name, (file) => {
    bench.fs.setTimes(file, wanted);
    const { sec, nsec } = bench.fs.statHandle(file).mtime;
    return sec === wanted.sec && nsec === wanted.nsec ? yes : no(`${nsec} ns past ${sec} came back`);
  });
}

function typeIs({ target, fs }: Workbench, name: string, wanted: Stat['type']): Fact {
  const found = fs.stat(target, ascii(name))?.type;
  return found === wanted ? yes : no(`came back as ${found ?? 'nothing'}`);
}
