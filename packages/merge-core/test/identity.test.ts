import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { formatDisk, mountDisk, temporaryDirectory, unmount } from '@emplace/fixtures';
import { testWith } from '@emplace/fixtures/jest';
import { linuxPort } from '@emplace/fsprobe';
import { toBytes } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { lastingIdentity } from '../src/identity.ts';

function identity(path: string): string {
  const fs = linuxPort();
  const dir = fs.openRoot(toBytes(path));
  try {
    return lastingIdentity(dir, fs);
  } finally {
    fs.closeDir(dir);
  }
}

describe.each([
  ['ext4', 16],
  ['xfs', 64],
  ['btrfs', 128],
] as const)('a directory on %s', (kind, sizeMiB) => {
  testWith({ root: true, tools: [`mkfs.${kind}`] }, 'is known again when its disk has another number (G3, G4)', () => {
    using work = temporaryDirectory();
    for (const disk of ['disk', 'other']) formatDisk(kind, sizeMiB, work.at(disk));
    /** What it is known by and the device's number, while other disks are there or not. */
    const seen = (first: readonly string[]): [string, number] => {
      for (const [at, disk] of [...first, 'disk'].entries()) mountDisk(kind, work.at(disk), work.at(`${at}`));
      const here = work.at(`${first.length}`);
      try {
        mkdirSync(`${here}/image`, { recursive: true });
        mkdirSync(`${here}/later`, { recursive: true });
        expect(identity(`${here}/later`)).not.toBe(identity(`${here}/image`));
        return [identity(`${here}/image`), statSync(here).dev];
      } finally {
        for (const at of [...first, 'disk'].keys()) unmount(work.at(`${at}`));
      }
    };
    const [before, number] = seen([]);
    const [after, another] = seen(['other']);
    expect(another).not.toBe(number);
    expect(after).toBe(before);
  });
});

testWith(
  { root: true, tools: ['mkfs.btrfs', 'btrfs'] },
  'two snapshots of one btrfs subvolume are not the same image',
  () => {
    using work = temporaryDirectory();
    formatDisk('btrfs', 128, work.at('disk'));
    mountDisk('btrfs', work.at('disk'), work.at('mounted'));
    try {
      const at = (name: string): string => work.at(`mounted/${name}`);
      execFileSync('btrfs', ['subvolume', 'create', at('base')], { stdio: 'ignore' });
      for (const name of ['first', 'second'])
        execFileSync('btrfs', ['subvolume', 'snapshot', at('base'), at(name)], { stdio: 'ignore' });
      const { ino, birthtimeMs } = statSync(at('first'));
      expect(statSync(at('second'))).toMatchObject({ ino, birthtimeMs });
      expect(identity(at('second'))).not.toBe(identity(at('first')));
    } finally {
      unmount(work.at('mounted'));
    }
  },
);
