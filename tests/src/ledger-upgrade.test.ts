/** An upgrade and an unmerge of a real package's size on a real disk: exactly what they should leave, and nothing between old and new however they are killed (more of that in the lab). */
import { readdirSync, readFileSync } from 'node:fs';
import { type EntrySnapshot, snapshotTree } from '@emplace/fixtures';
import { isRoot, rootTest } from '@emplace/fixtures/jest';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { Disk, differences, type Installed, twoLanes } from './installed.ts';
import { killAtMoments } from './killed-processes.ts';

/** Where the root has an entry of the image: `lib` is a symlink there. */
function inRoot(path: Bytes): Bytes {
  return path.replace(/^lib\//, 'usr/lib/') as Bytes;
}

describe('a package of some hundred entries on ext4', () => {
  let disk: Disk;
  let lanes: readonly [Installed, Installed];
  beforeAll(() => {
    if (!isRoot) return;
    disk = new Disk();
    lanes = twoLanes(disk);
  });
  afterAll(() => {
    if (isRoot) disk[Symbol.dispose]();
  });

  rootTest('is upgraded to exactly the new files, the changes of the administrator, and one entry', async () => {
    const [installed] = lanes;
    installed.fresh();
    const image = snapshotTree(installed.at('image'));
    const { protected: kept, ledger, outcome } = await installed.run('merge');
    expect([outcome, kept, ledger?.replaced]).toEqual([
      'merged',
      [{ path: 'etc/edited', as: '._cfg0000_edited' }],
      ['app-misc/app-1'],
    ]);
    const wanted = new Map<Bytes, EntrySnapshot>();
    for (const [path, entry] of image) {
      const target = path === 'etc/edited' ? ('etc/._cfg0000_edited' as Bytes) : inRoot(path);
      if (path !== '.' && path !== 'lib') wanted.set(target, { ...entry, linkedTo: inRoot(entry.linkedTo) });
    }
    const own = (path: Bytes): EntrySnapshot => installed.old.get(path) as EntrySnapshot;
    wanted.set(toBytes('etc/._cfg0000_edited'), {
      ...(image.get(toBytes('etc/edited')) as EntrySnapshot),
      linkedTo: toBytes('etc/._cfg0000_edited'),
    });
    for (const path of ['.', 'lib', 'etc/edited', 'etc/obsolete-edited', 'usr/share/both/of somebody else'].map(
      toBytes,
    ))
      wanted.set(path, own(path));
    // A directory that was there keeps its own owner and mode.
    const found = installed.found();
    const files = new Map([...found].filter(([path]) => path !== 'var' && !path.startsWith('var/')));
    expect(differences(wanted, files)).toEqual([]);
    expect(readdirSync(`${installed.root}/var/db/pkg/app-misc`)).toEqual(['.app:0.portage_lockfile', 'app-2']);
    expect(readFileSync(`${installed.root}/var/cache/edb/counter`, 'utf8')).toBe('43');
    // The image is used up.
    expect(readdirSync(installed.at('image'))).toEqual([]);
  });

  rootTest('goes, but for what the administrator changed and somebody else put there', async () => {
    const [installed] = lanes;
    installed.fresh();
    await installed.run('unmerge');
    const left = [...installed.found().keys()].filter(
      (path) => path !== '.' && path !== 'var' && !path.startsWith('var/'),
    );
    expect(left.sort()).toEqual([
      'etc',
      'etc/edited',
      'etc/obsolete-edited',
      'lib',
      'usr',
      'usr/share',
      'usr/share/both',
      'usr/share/both/of somebody else',
    ]);
    expect(readdirSync(`${installed.root}/var/db/pkg/app-misc`)).toEqual(['.app:0.portage_lockfile']);
  });

  for (const [operation, rounds] of [
    ['merge', 20],
    ['unmerge', 10],
  ] as const) {
    rootTest(
      `${operation}d with either process killed at ${rounds} moments: files and database are wholly old or wholly new (G1, G3)`,
      async () => {
        const seen = await killAtMoments(lanes, operation, rounds, ['old', 'new'], rounds + 50);
        expect(Math.min(seen.old, seen.new)).toBeGreaterThan(0);
      },
    );
  }
});
