import { isErrno } from '@emplace/syscalls';
import { NotOursError } from '../private-directory.ts';
import type { Workbench } from './workbench.ts';

/** The answer to one question about a site, asked of the kernel with real files. */
export type Fact =
  | { readonly answer: 'yes' }
  | {
      readonly answer: 'no';
      /** The errno that the call gave; missing where it returned and did something else. */
      readonly errno?: string;
      /** For people: the errno, or what came instead. */
      readonly why: string;
      /** What a new entry has there whatever is asked for: numbers of stat. */
      readonly instead?: Instead;
    }
  | { readonly answer: 'not-measured'; readonly why: string };

/** Owner and modes that a file system gives to everything (vfat, some FUSE), or that this process cannot change. */
export interface Instead {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits of a file. */
  readonly fileMode: number;
  readonly directoryMode: number;
}

export const yes: Fact = { answer: 'yes' };

export function no(why: string): Fact {
  return { answer: 'no', why };
}

export function refused(errno: string): Fact {
  return { answer: 'no', errno, why: errno };
}

export function notMeasured(why: string): Fact {
  return { answer: 'not-measured', why };
}

/** errnos that say something of this moment (no room, no handles, a dying disk), nothing of what works here. */
const momentary = [
  ...['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EINTR'],
  ...['EEXIST', 'ENOENT', 'ESTALE', 'ETIMEDOUT', 'EBUSY', 'ECONNABORTED', 'ENOTCONN'],
];

/**
 * What came out of `ask`: its own answer, or the errno with which a call in it failed. That nothing can be made in one of
 * the directories says nothing of what else works there.
 */
export function measured(bench: Workbench, ask: () => Fact): Fact {
  try {
    const fact = ask();
    // What is gone comes back as something else, too.
    const other = fact.answer === 'no' && fact.errno === undefined;
    return other && bench.isGone ? notMeasured('the directory was removed or moved meanwhile') : fact;
  } catch (error) {
    if (error instanceof NotOursError) return notMeasured(error.message);
    if (!isErrno(error)) throw error;
    if (!bench.failed(error) && !momentary.includes(error.code)) return refused(error.code);
    return notMeasured(error.code === 'EROFS' ? 'read-only file system' : `${error.call} gave ${error.code}`);
  }
}
