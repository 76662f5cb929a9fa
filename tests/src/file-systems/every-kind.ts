import {
  blockDevice,
  capabilityValue,
  characterDevice,
  directory,
  fifo,
  file,
  hardLink,
  sparseFile,
  symlink,
  type TreeEntry,
} from '@emplace/fixtures';

const even = { sec: 1_500_000_000, nsec: 0 };
const mode = 0o755;

/**
 * One entry of each kind, for file systems in user space, where each call takes its time. ACLs are left out: the kernel
 * keeps them from such a file system.
 */
export function everyKind(content: string): TreeEntry[] {
  return [
    file('plain', content, { mode, mtime: even }),
    directory('d', { mode, mtime: even }),
    file('d/odd second', content, { mode, mtime: { sec: 1_500_000_001, nsec: 0 } }),
    file('d/nanosecond', content, { mode, mtime: { sec: 1_500_000_000, nsec: 7 } }),
    file('d/owned', content, { mode, mtime: even, uid: 7, gid: 8 }),
    file('d/setuid', content, { mode: 0o4755, mtime: even }),
    file('d/xattr', content, { mode, mtime: even, xattrs: { 'user.a': Buffer.from('1') } }),
    file('d/able', content, { mode, mtime: even, xattrs: { 'security.capability': capabilityValue(10) } }),
    sparseFile('d/sparse', 1 << 20, [{ at: 1 << 19, bytes: Buffer.from(content) }], { mode, mtime: even }),
    file('d/linked', content, { mode, mtime: even }),
    hardLink('d/linked again', 'd/linked'),
    directory('private', { mode: 0o2700, gid: 8, mtime: even, xattrs: { 'trusted.a': Buffer.from('2') } }),
    directory('d/impossible', { mode, mtime: even }),
    file('d/impossible/new\nline', content, { mode, mtime: even }),
    symlink('d/impossible/symlink', content, { mtime: even }),
    fifo('d/impossible/fifo', { mode, mtime: even }),
    characterDevice('d/impossible/character', 1, 3, { mode, mtime: even }),
    blockDevice('d/impossible/block', 7, 9, { mode, mtime: even }),
  ];
}
