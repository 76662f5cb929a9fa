import { countCalls, failAt, Stopped, stopAfter } from '@emplace/fixtures/faults';
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, mergeSync, recoverSync } from '../../src/index.ts';
import { type Entry, picture, ROOT, world } from './world.ts';

const program = (content: string): Entry => ({ path: 'tool', content, mode: 0o4755 });
/** A second name, as a user makes it who waits for a hole in the program. */
const kept: Entry = { path: 'kept', link: 'tool' };
const options = { image: '/image', root: '/root', undo: 'none', hardlink: false } as const;

const setuidNames = (fs: MemoryPort): string[] =>
  picture(fs, ROOT, false)
    .filter((line) => line.includes(' 4755 '))
    .map((line) => line.split(' ', 1)[0] as string);

function isStop(error: unknown): boolean {
  if (error instanceof SuppressedError) return isStop(error.error) || isStop(error.suppressed);
  return error instanceof Stopped || (error instanceof MergeError && isStop(error.cause));
}

test('a program of which no undo is kept is setuid under no other name once it is replaced, wherever it is killed (G6)', () => {
  const pristine = world([program('old'), kept], [program('new')]);
  const counted = countCalls(pristine.clone());
  mergeSync({ ...options, fs: counted });
  for (let calls = 1; calls <= counted.calls; calls++) {
    const fs = pristine.clone();
    try {
      mergeSync({ ...options, fs: stopAfter(fs, calls) });
    } catch (error) {
      if (!isStop(error)) throw error;
    }
    fs.crash();
    recoverSync({ root: '/root', fs });
    const isNew = picture(fs, ROOT, false).some((line) => line.includes('"new"'));
    expect({ calls, setuid: setuidNames(fs) }).toEqual({ calls, setuid: isNew ? ['tool'] : ['kept', 'tool'] });
  }
});

test('a program that could not be replaced is setuid as before', () => {
  const fs = world([program('old'), kept], [program('new')]);
  const port = failAt(fs, 1, 'EIO', (name, args) => name === 'rename' && args[3] === 'tool');
  expect(() => mergeSync({ ...options, fs: port })).toThrow('EIO');
  expect(setuidNames(fs)).toEqual(['kept', 'tool']);
});

test('a name that a user gave to a program after the merge was planned is of no use, though a copy of that was kept (G6)', () => {
  const fs = world([program('old')], [program('new')]);
  const onEvent: MergeOptions['onEvent'] = (event) => {
    if (event.type !== 'phase' || event.phase !== 'commit') return;
    const root = fs.openRoot(ROOT);
    fs.link(root, ascii('tool'), root, ascii('kept'));
    fs.closeDir(root);
  };
  mergeSync({ ...options, undo: 'auto', fs, onEvent });
  expect(setuidNames(fs)).toEqual(['tool']);
  expect(picture(fs, ROOT, false)).toContainEqual(expect.stringMatching(/^kept file 755 .*"old"/));
});
