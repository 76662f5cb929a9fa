import { type Bytes, isErrno } from '@emplace/syscalls';
import { type PlainFailure, plainFailure } from '../threads/failure.ts';
import type { Workplace } from '../threads/tasks.ts';
import { openBelow } from './transaction.ts';

/** An entry of the image, no directory, that is in the root now. */
export interface Discard {
  /** Of the image. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** Under its name there may be another one by now. */
  readonly ino: bigint;
}

/** @returns why it stays; one that is gone, or another one's, is no reason to tell */
export function discard({ directory, name, ino }: Discard, { image, fs }: Workplace): PlainFailure | undefined {
  try {
    const dir = openBelow(image, directory);
    const stat = dir && fs.stat(dir, name);
    if (dir !== undefined && stat?.ino === ino && stat.type !== 'directory') fs.unlink(dir, name);
    return undefined;
  } catch (error) {
    if (!isErrno(error)) throw error;
    return plainFailure(error);
  }
}
