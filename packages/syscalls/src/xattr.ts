/**
 * Extended attributes, see xattr(7). Without prefix a final symlink is followed, `l` is the entry itself, `f` an open
 * file (EBADF for O_PATH: go by `/proc/self/fd/N` without prefix, which leads to the object itself).
 * Failures: ENODATA no such attribute, EOPNOTSUPP no attributes here, EPERM `user.*` on a symlink or device.
 */
import type { Bytes } from './bytes.ts';
import { ERANGE, failed, interrupted } from './errno.ts';
import { native } from './native.ts';
import { first, type PathArgument, second } from './path.ts';

/** Most values and lists are small, and the kernel clears as much memory as it is offered. */
const small = Buffer.allocUnsafeSlow(1024);
/** XATTR_SIZE_MAX and XATTR_LIST_MAX: there is no larger answer, so what grows meanwhile still fits. */
const largest = Buffer.allocUnsafeSlow(65536);

export function getxattr(path: PathArgument, key: Bytes): Buffer {
  const [name, keyName] = [first(path, 'getxattr'), second(key, 'getxattr')];
  return Buffer.from(answer((room) => native().getxattr(name, keyName, room, room.byteLength), 'getxattr', path, key));
}

export function lgetxattr(path: PathArgument, key: Bytes): Buffer {
  const [name, keyName] = [first(path, 'lgetxattr'), second(key, 'lgetxattr')];
  return Buffer.from(
    answer((room) => native().lgetxattr(name, keyName, room, room.byteLength), 'lgetxattr', path, key),
  );
}

export function fgetxattr(fd: number, key: Bytes): Buffer {
  const keyName = second(key, 'fgetxattr');
  return Buffer.from(answer((room) => native().fgetxattr(fd, keyName, room, room.byteLength), 'fgetxattr', key));
}

export function listxattr(path: PathArgument): Bytes[] {
  const name = first(path, 'listxattr');
  return keys(answer((room) => native().listxattr(name, room, room.byteLength), 'listxattr', path));
}

export function llistxattr(path: PathArgument): Bytes[] {
  const name = first(path, 'llistxattr');
  return keys(answer((room) => native().llistxattr(name, room, room.byteLength), 'llistxattr', path));
}

export function flistxattr(fd: number): Bytes[] {
  return keys(answer((room) => native().flistxattr(fd, room, room.byteLength), 'flistxattr'));
}

/** @param flags 0, XATTR_CREATE (EEXIST) or XATTR_REPLACE (ENODATA) */
export function setxattr(path: PathArgument, key: Bytes, value: Uint8Array, flags = 0): void {
  const [name, keyName] = [first(path, 'setxattr'), second(key, 'setxattr')];
  done(() => native().setxattr(name, keyName, value, value.byteLength, flags), 'setxattr', path, key);
}

export function lsetxattr(path: PathArgument, key: Bytes, value: Uint8Array, flags = 0): void {
  const [name, keyName] = [first(path, 'lsetxattr'), second(key, 'lsetxattr')];
  done(() => native().lsetxattr(name, keyName, value, value.byteLength, flags), 'lsetxattr', path, key);
}

export function fsetxattr(fd: number, key: Bytes, value: Uint8Array, flags = 0): void {
  const keyName = second(key, 'fsetxattr');
  done(() => native().fsetxattr(fd, keyName, value, value.byteLength, flags), 'fsetxattr', key);
}

export function removexattr(path: PathArgument, key: Bytes): void {
  const [name, keyName] = [first(path, 'removexattr'), second(key, 'removexattr')];
  done(() => native().removexattr(name, keyName), 'removexattr', path, key);
}

export function lremovexattr(path: PathArgument, key: Bytes): void {
  const [name, keyName] = [first(path, 'lremovexattr'), second(key, 'lremovexattr')];
  done(() => native().lremovexattr(name, keyName), 'lremovexattr', path, key);
}

export function fremovexattr(fd: number, key: Bytes): void {
  const keyName = second(key, 'fremovexattr');
  done(() => native().fremovexattr(fd, keyName), 'fremovexattr', key);
}

/** What `ask` wrote, in a shared buffer: to be copied or decoded at once. */
function answer(ask: (room: Buffer) => number, call: string, ...paths: readonly PathArgument[]): Buffer {
  let room = small;
  for (;;) {
    const length = ask(room);
    if (length !== -1) return room.subarray(0, length);
    if (native().errno() === ERANGE && room === small) room = largest;
    else if (!interrupted()) throw failed(call, ...paths);
  }
}

function done(change: () => number, call: string, ...paths: readonly PathArgument[]): void {
  while (change() === -1) if (!interrupted()) throw failed(call, ...paths);
}

/** Names, each ending in a NUL. */
function keys(list: Buffer): Bytes[] {
  return list.length === 0 ? [] : (list.latin1Slice(0, list.length - 1).split('\0') as Bytes[]);
}
