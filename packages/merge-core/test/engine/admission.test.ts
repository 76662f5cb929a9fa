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

test('a directory gives way to a file only where nothing in it must stay, and is told with what that is', () => {
  const fs = world(
    [{ path: 'd', type: 'directory' }, { path: 'd/e', type: 'directory' }, { path: 'd/e/a' }, { path: 'b' }],
    [{ path: 'd', content: 'new' }],
  );
  const pristine = fs.clone();
  fs.mount({ path: '/root/d/e/a', bind: '/root/b' });
  const error = thrown(MergeError, () => mergeSync({ ...options, replaceTypes: true, fs }));
  expect(error.problems.map(({ code, path }) => `${code} ${path}`)).toEqual(['MOUNT_POINT d/e/a']);
  mergeSync({ ...options, replaceTypes: true, fs: pristine });
  expect(picture(pristine, ROOT).filter((line) => line.startsWith('d'))).toEqual([expect.stringContaining('"new"')]);
});

test('a glob that begins with an exclamation mark stands for such a name, not for all others', () => {
  const fs = world([], [{ path: '!x' }, { path: 'x' }, { path: 'y' }]);
  mergeSync({ ...options, exclude: ['!x'], fs });
  expect(picture(fs, ROOT).map((line) => line.split(' ', 1)[0])).toEqual(['x', 'y']);
});

test('files of the image that have names outside of what is merged are counted in a warning, others are not', () => {
  const entries: Entry[] = ['a', 'b'].flatMap((path) => [{ path }, { path: `${path}2`, link: path }]);
  const warned = (exclude: readonly string[]): string[] =>
    mergeSync({ ...options, exclude, fs: world([], entries) })
      .warnings.filter(({ code }) => code === 'IMAGE_LINKED_ELSEWHERE')
      .map(({ message }) => message);
  expect(warned([])).toEqual([]);
  expect(warned(['b2'])).toEqual([expect.stringMatching(/^1 /)]);
});
