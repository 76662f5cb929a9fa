import { cloneContent } from './content.ts';
import { makeEntry } from './make-entry.ts';
import type { Strategy } from './strategy.ts';

/** A new inode that shares the image's blocks until one of them is written (FICLONE: btrfs, xfs, bcachefs). */
export const reflink: Strategy = {
  name: 'reflink',
  traits: { staging: 'made', links: false, copies: false },
  needs: ['reflink'],
  // Neither mount id nor st_dev tells: subvolumes and bind mounts of one btrfs do clone. The call itself does. But two
  // kinds of file system never share blocks.
  refusedAt: ({ source, target }) => (source.magic === target.magic ? undefined : 'EXDEV'),
  stage: (source, stat, staged, fs) => makeEntry(source, stat, staged, cloneContent, fs),
};
