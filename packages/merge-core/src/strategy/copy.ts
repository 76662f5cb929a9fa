import { copyContent } from './content.ts';
import { makeEntry } from './make-entry.ts';
import type { Strategy } from './strategy.ts';

/** A new inode with the same content, holes and attributes. Works between any two directories. */
export const copy: Strategy = {
  name: 'copy',
  traits: { staging: 'made', links: false, copies: true },
  refusedAt: () => undefined,
  stage: (source, stat, staged, fs, reading) => makeEntry(source, stat, staged, copyContent, fs, reading),
};
