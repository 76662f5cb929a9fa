/** A package and its record on file systems that cannot do all that the cheapest way needs. */
import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { FsPort } from '@emplace/fsprobe';
import { describe, expect, test } from '@jest/globals';
import type { MemoryOptions } from '../../src/fs/memory.ts';
import { MergeError, recoverSync } from '../../src/index.ts';
import type { Entry } from '../engine/world.ts';
import {
  contentsOf,
  directory,
  mergeVersion,
  packagePicture,
  packageWorld,
  shown,
  unmergeVersion,
} from './package-world.ts';

const program = (content: string): Entry[] => [
  ...['usr', 'usr/bin', 'usr/lib'].map(directory),
  { path: 'usr/bin/app', content, mode: 0o755 },
];
const one: readonly Entry[] = [
  ...program('program 1'),
  { path: 'usr/bin/gone', content: 'goes', mode: 0o755 },
  { path: 'usr/bin/alias', link: 'usr/bin/gone' },
  { path: 'usr/lib/libgone.so.1', content: 'goes', mode: 0o755 },
  { path: 'usr/lib/data', content: 'goes' },
];
const two = program('program 2');

function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}

const lacking: [string, MemoryOptions][] = [
  ['names cannot be exchanged', { exchange: false }],
  ['there are no hard links', { links: false }],
  ['there is neither', { exchange: false, links: false }],
  ['there is neither, nor clones', { exchange: false, links: false, clone: false }],
];

describe.each(lacking)('where %s', (_what, memory) => {
  // An image cannot be built there with hard links.
  const images = { 1: memory.links === false ? one.filter(({ link }) => link === undefined) : one, 2: two };

  test('a package is merged, upgraded and unmerged as anywhere', () => {
    const fs = packageWorld(images, [], memory);
    const anywhere = packageWorld(images);
    for (const version of ['1', '2']) {
      for (const port of [fs, anywhere]) mergeVersion(port, version);
      expect([shown(fs), contentsOf(fs, version)]).toEqual([shown(anywhere), contentsOf(anywhere, version)]);
    }
    expect(unmergeVersion(fs, '2').warnings).toEqual([]);
    expect(shown(fs)).toEqual([]);
  });

  test('an upgrade that is killed leads to one version or the other, files and record', () => {
    const pristine = packageWorld(images, [], memory);
    mergeVersion(pristine, '1');
    const before = packagePicture(pristine);
    const reference = pristine.clone();
    const counted = countCalls(reference as FsPort);
    mergeVersion(counted, '2');
    const after = packagePicture(reference);
    for (let calls = 1; calls <= counted.calls; calls += 7) {
      for (const rollback of [false, true]) {
        const fs = pristine.clone();
        try {
          mergeVersion(stopAfter(fs, calls), '2');
        } catch (error) {
          if (!wasStopped(error)) throw error;
        }
        fs.crash();
        try {
          recoverSync({ root: '/root', rollback, fs });
        } catch (error) {
          if (!(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
          continue;
        }
        const tree = packagePicture(fs);
        if (tree.join('\n') !== after.join('\n'))
          expect({ calls, rollback, tree }).toEqual({ calls, rollback, tree: before });
      }
    }
  });
});
