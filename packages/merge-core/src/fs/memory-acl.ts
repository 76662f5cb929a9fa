/** POSIX ACLs as extended attributes (linux/posix_acl_xattr.h): the access ACL and the mode are two views of one thing. */
import { ascii, type Bytes } from '@emplace/syscalls';

export const ACCESS_ACL: Bytes = ascii('system.posix_acl_access');
export const DEFAULT_ACL: Bytes = ascii('system.posix_acl_default');

const HEADER = 4;
const ENTRY = 8;
const VERSION = 2;
const TAG = { userObj: 0x01, groupObj: 0x04, mask: 0x10, other: 0x20 } as const;

/** Whether it has a header and whole entries, the three that a mode consists of among them. */
export function isAcl(value: Buffer): boolean {
  if (value.length < HEADER || (value.length - HEADER) % ENTRY !== 0 || value.readUInt32LE(0) !== VERSION) return false;
  return [TAG.userObj, TAG.groupObj, TAG.other].every((tag) => find(value, tag) !== undefined);
}

/** Offset of the permissions of the first entry with this tag. */
function find(value: Buffer, tag: number): number | undefined {
  for (let at = HEADER; at < value.length; at += ENTRY) if (value.readUInt16LE(at) === tag) return at + 2;
  return undefined;
}

/** Where the three digits of a mode stand: the mask, where there is one, in the place of the group. */
function places(value: Buffer): readonly [at: number, shift: number][] {
  const group = find(value, TAG.mask) ?? (find(value, TAG.groupObj) as number);
  return [
    [find(value, TAG.userObj) as number, 6],
    [group, 3],
    [find(value, TAG.other) as number, 0],
  ];
}

/** It says no more than a mode does: the file system keeps the mode alone. */
export function isOnlyMode(value: Buffer): boolean {
  return value.length === HEADER + 3 * ENTRY;
}

/** `mode` with the permissions that the ACL has. */
export function modeFrom(value: Buffer, mode: number): number {
  return places(value).reduce((sum, [at, shift]) => sum | ((value.readUInt16LE(at) & 7) << shift), mode & ~0o777);
}

/** The ACL after a chmod. */
export function withMode(value: Buffer, mode: number): Buffer {
  const changed = Buffer.from(value);
  for (const [at, shift] of places(value)) changed.writeUInt16LE((mode >> shift) & 7, at);
  return changed;
}
