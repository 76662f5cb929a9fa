import { expect, test } from '@jest/globals';
import { mergeSync } from '../../src/index.ts';
import { type Entry, world } from './world.ts';

const pair: readonly Entry[] = [
  { path: 'd', type: 'directory' },
  { path: 'd/a', content: 'linked' },
  { path: 'd/left-out' },
  { path: 'b', link: 'd/a' },
];
const hardlink = false;

test('hard links that a swap copies one by one are told, though the site could have renamed them', () => {
  const fs = world([{ path: 'd', content: 'in the way' }], pair);
  const { warnings } = mergeSync({
    image: '/image',
    root: '/root',
    hardlink,
    replaceTypes: true,
    exclude: ['left-out'],
    fs,
  });
  expect(warnings.map(({ code }) => code)).toContain('HARDLINKS_SPLIT');
});

test('hard links that are renamed are not', () => {
  const { warnings } = mergeSync({ image: '/image', root: '/root', hardlink, fs: world([], pair) });
  expect(warnings.map(({ code }) => code)).not.toContain('HARDLINKS_SPLIT');
});
