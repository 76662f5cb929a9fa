/** What cannot be taken out of the image, or put into the root, is refused before anything changes; what need not be is not. */
import { thrown } from '@emplace/fixtures';
import { expect, test } from '@jest/globals';
import { MergeError, mergeSync } from '../../src/index.ts';
import { type Entry, IMAGE, picture, ROOT, world } from './world.ts';

const options = { image: IMAGE, root: ROOT } as const;
const inside = (content: string): Entry[] => [
  { path: 'd', type: 'directory' },
  { path: 'd/a', content },
];

test.each(['immutable', 'appendOnly'])(
  'from a directory of the image that is %s entries can be copied only',
  (flag) => {
    const fs = world(inside('old'), inside('new'));
    fs.setFlags('/image/d', { [flag]: true });
    for (const strategy of ['rename', 'double-rename']) {
      const before = picture(fs, ROOT);
      const error = thrown(MergeError, () => mergeSync({ ...options, strategy, fs }));
      expect(error.problems).toEqual([expect.objectContaining({ code: 'IMMUTABLE', path: 'd' })]);
      expect(picture(fs, ROOT)).toEqual(before);
    }
    mergeSync({ ...options, strategy: 'copy', keepImage: true, fs });
    expect(picture(fs, ROOT).filter((line) => line.includes('"new"'))).toHaveLength(1);
  },
);

test('a mount point in the image can be copied only, and one in the root not be replaced', () => {
  const files = (content: string): Entry[] => [
    { path: 'a', content },
    { path: 'b', content },
  ];
  const fs = world(files('old'), files('new'));
  fs.mount({ path: '/image/a', bind: '/image/b' });
  for (const strategy of ['rename', 'double-rename', 'hardlink']) {
    const error = thrown(MergeError, () => mergeSync({ ...options, strategy, fs }));
    expect([strategy, error.problems.map(({ code, path }) => `${code} ${path}`)]).toEqual([
      strategy,
      ['MOUNT_POINT a'],
    ]);
  }
  fs.mount({ path: '/root/b', bind: '/root/a' });
  const error = thrown(MergeError, () => mergeSync({ ...options, strategy: 'copy', keepImage: true, fs }));
  expect(error.problems.map(({ code, path }) => `${code} ${path}`)).toEqual(['MOUNT_POINT b']);
});
