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

test('two files of the root that are one in the image are placed after all, and count as replaced, not as identical', () => {
  const one: Entry = { path: 'a', content: 'same' };
  const fs = world([one, { path: 'b', content: 'same' }], [one, { path: 'b', link: 'a' }]);
  const { counts, plan } = mergeSync({ image: '/image', root: '/root', dryRun: true, fs });
  expect(counts).toMatchObject({ identical: 0, replaced: 2 });
  expect([...(plan?.identical ?? [])]).toEqual([]);
});
