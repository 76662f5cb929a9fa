/** File systems that a power cut leaves whole: what they promise of the files in them is what is asked here. */
import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { LoopFs } from '@emplace/fixtures';

export interface CutFileSystem {
  readonly name: string;
  readonly kind: LoopFs;
  readonly sizeMiB: number;
  /** As `mount -o` takes them. */
  readonly mount?: string;
  /** What its disk writes as one, even when the power goes. */
  readonly sectorBytes: number;
}

/**
 * What is torn at less than a block its own recovery has to mend. The journal of ext4 writes whole blocks anew. The log of xfs passes over a block whose
 * head is newer than the log, also when the rest of it is not: of 400 disks torn at 512 bytes one could not be mounted. The
 * superblock of btrfs has one checksum.
 */
const [SMALL, BLOCK] = [512, 4096];

export const FILE_SYSTEMS: readonly CutFileSystem[] = [
  { name: 'ext4', kind: 'ext4', sizeMiB: 64, sectorBytes: SMALL },
  {
    name: 'ext4 data=writeback',
    kind: 'ext4',
    sizeMiB: 64,
    mount: 'data=writeback,noauto_da_alloc',
    sectorBytes: SMALL,
  },
  { name: 'xfs', kind: 'xfs', sizeMiB: 64, sectorBytes: BLOCK },
  { name: 'btrfs', kind: 'btrfs', sizeMiB: 128, sectorBytes: BLOCK },
];

/** BTRFS_IOC_START_SYNC and BTRFS_IOC_WAIT_SYNC of linux/btrfs.h: a transaction is committed, and no file's data is waited for. */
const COMMIT_BTRFS = `
  open my $top, '<', $ARGV[0] or die $!;
  my $transaction = "\\0" x 8;
  ioctl($top, 0x80089418, $transaction) or die $!;
  ioctl($top, 0x40089416, $transaction) or die $!;`;

/**
 * What a timer does every few seconds, and any neighbour's fsync: all names and attributes there are become durable,
 * but not what was written to the files.
 * @param place top of the file system
 */
export function commitMetadata(kind: LoopFs, place: string): void {
  if (kind === 'btrfs') {
    execFileSync('perl', ['-e', COMMIT_BTRFS, place]);
    return;
  }
  const neighbour = openSync(`${place}/neighbour`, 'a');
  try {
    writeSync(neighbour, 'x');
    fsyncSync(neighbour);
  } finally {
    closeSync(neighbour);
  }
}
