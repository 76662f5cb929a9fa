import { createHash } from 'node:crypto';
import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { FsPort } from '@emplace/fsprobe';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, mergeSync, recoverSync, unmergeSync } from '../../src/index.ts';
import { installed as entry } from './database.ts';
import {
  directory,
  edit,
  first,
  packageOptions,
  packagePicture,
  packageWorld,
  readIn,
  second,
} from './package-world.ts';

interface Case {
  readonly name: string;
  /** The world before. */
  readonly world: () => MemoryPort;
  readonly act: (fs: FsPort) => void;
}

const installed = (): MemoryPort => {
  const fs = packageWorld({ one: first, two: second, again: first });
  mergeSync(packageOptions(fs, 'one', '1'));
  return fs;
};

/** What {@link installed} has not: backup names, updates, nested directories that go, two names for one, libraries that stay. */
function odd(): MemoryPort {
  const shared = ['etc', 'lib', 'usr', 'usr/lib'].map(directory);
  const needed = 'X86_64;/usr/lib/libz.so.1;libz.so.1;;;x86_64\n';
  const fs = packageWorld(
    {
      one: [
        ...shared,
        ...['s', 's/a', 's/a/b'].map(directory),
        { path: 's/a/b/x', content: '' },
        { path: 'etc/conf', content: '1' },
        { path: 'etc/turned', content: '1' },
        { path: 'usr/lib/libz.so.1', content: 'library 1' },
      ],
      two: [
        ...shared,
        directory('etc/turned'),
        { path: 'etc/turned/in', content: '2' },
        { path: 'etc/conf', content: '2' },
        { path: 'lib/twin', content: 'twin' },
        { path: 'usr/lib/twin', content: 'twin' },
      ],
    },
    [
      ...['etc', 'usr', 'usr/lib', 'var/db/pkg/app-arch'].map(directory),
      { path: 'lib', type: 'symlink', content: 'usr/lib' },
      { path: 'var/lib/portage/config', content: '' },
      ...entry('app-arch/gzip-1', {
        contents: ['usr/bin/gzip'],
        files: { 'NEEDED.ELF.2': 'X86_64;/usr/bin/gzip;;;libz.so.1;x86_64\n' },
      }),
    ],
  );
  mergeSync(packageOptions(fs, 'one', '1'));
  edit(fs, 'etc/conf', 'mine');
  edit(fs, 'etc/turned', 'mine');
  edit(fs, 'var/db/pkg/app-misc/app-1/NEEDED.ELF.2', needed);
  // What a test writes has no time of its own.
  for (const path of ['etc/conf', 'etc/turned']) edit(fs, path, 'mine', { sec: 1_500_000_009, nsec: 0 });
  return fs;
}

const cases: readonly Case[] = [
  {
    name: 'a first merge',
    world: () => packageWorld({ one: first }),
    act: (fs) => mergeSync(packageOptions(fs, 'one', '1')),
  },
  { name: 'an upgrade', world: installed, act: (fs) => mergeSync(packageOptions(fs, 'two', '2')) },
  {
    name: 'an upgrade without hard links',
    world: installed,
    act: (fs) => mergeSync({ ...packageOptions(fs, 'two', '2'), hardlink: false }),
  },
  {
    name: 'an upgrade by copy',
    world: installed,
    act: (fs) => mergeSync({ ...packageOptions(fs, 'two', '2'), strategy: 'copy' }),
  },
  {
    name: 'the same version again',
    world: installed,
    act: (fs) => mergeSync(packageOptions(fs, 'again', '1')),
  },
  {
    name: 'an upgrade of everything else at once',
    world: odd,
    act: (fs) => mergeSync(packageOptions(fs, 'two', '2', { preserveLibs: true })),
  },
  {
    name: 'an unmerge',
    world: installed,
    act: (fs) => unmergeSync({ fs, root: '/root', ledger: { package: 'app-misc/app-1', configProtect: ['/etc'] } }),
  },
  {
    name: 'an unmerge of a package that lists files of its own entry',
    world: () => {
      const fs = installed();
      const contents = 'var/db/pkg/app-misc/app-1/CONTENTS';
      edit(fs, 'var/db/pkg/app-misc/app-1/own', 'own', { sec: 7, nsec: 0 });
      const md5 = createHash('md5').update('own').digest('hex');
      edit(fs, contents, `${readIn(fs, contents)}obj /var/db/pkg/app-misc/app-1/own ${md5} 7\n`);
      return fs;
    },
    act: (fs) => unmergeSync({ fs, root: '/root', ledger: { package: 'app-misc/app-1' } }),
  },
];

function stop(fs: FsPort, act: Case['act'], calls: number): void {
  try {
    act(stopAfter(fs, calls));
  } catch (error) {
    if (!wasStopped(error)) throw error;
  }
}

function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}

describe.each(cases)('$name, stopped after any call', ({ world, act }) => {
  const pristine = world();
  const before = packagePicture(pristine);
  const reference = pristine.clone();
  const counted = countCalls(reference);
  act(counted);
  const after = packagePicture(reference);
  const total = counted.calls;

  test('gives back every handle and leaves no name of its own', () => {
    expect(reference.openHandles()).toBe(0);
    expect(after.filter((line) => line.includes('.emplace') || line.includes('-MERGING-'))).toEqual([]);
    expect(after).not.toEqual(before);
  });

  test('is recovered to the old files and the old record, or to the new files and the new record (G1, G3, G.5)', () => {
    let committed = false;
    for (let calls = 0; calls <= total + 1; calls++) {
      const fs = pristine.clone();
      stop(fs, act, calls);
      fs.crash();
      recoverSync({ root: '/root', fs });
      const tree = packagePicture(fs);
      const isNew = JSON.stringify(tree) === JSON.stringify(after);
      if (!isNew) expect({ calls, tree }).toEqual({ calls, tree: before });
      // Once a stop leads to the new tree every later one does.
      expect({ calls, isNew }).toEqual({ calls, isNew: isNew || !committed ? isNew : true });
      committed ||= isNew;
    }
    expect(committed).toBe(true);
  });

  test('is rolled back to the old files and the old record as long as its undo is whole (G3, J5)', () => {
    let rolledBack = 0;
    for (let calls = 0; calls <= total + 1; calls += 5) {
      const fs = pristine.clone();
      stop(fs, act, calls);
      fs.crash();
      try {
        recoverSync({ root: '/root', fs, rollback: true });
      } catch (error) {
        if (!(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
        recoverSync({ root: '/root', fs });
      }
      const tree = packagePicture(fs);
      if (JSON.stringify(tree) === JSON.stringify(after)) continue;
      expect({ calls, tree }).toEqual({ calls, tree: before });
      rolledBack++;
    }
    expect(rolledBack).toBeGreaterThan(0);
  });

  test('is recovered even when each recovery is itself stopped after any call (J7)', () => {
    const step = Math.max(1, Math.floor(total / 15));
    for (let calls = step; calls <= total; calls += step) {
      const stopped = pristine.clone();
      stop(stopped, act, calls);
      stopped.crash();
      for (let again = 1; ; again += 4) {
        const fs = stopped.clone();
        let finished = true;
        try {
          recoverSync({ root: '/root', fs: stopAfter(fs, again) });
        } catch (error) {
          if (!wasStopped(error)) throw error;
          finished = false;
        }
        fs.crash();
        recoverSync({ root: '/root', fs });
        const tree = packagePicture(fs);
        if (JSON.stringify(tree) !== JSON.stringify(after))
          expect({ calls, again, tree }).toEqual({ calls, again, tree: before });
        if (finished) break;
      }
    }
  });
});
