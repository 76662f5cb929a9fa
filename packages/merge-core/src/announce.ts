import type { DirHandle, FsPort, Timestamp } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import type { Warning } from './events.ts';

/** In the state directory. */
export const ANNOUNCED: Bytes = ascii('announced');

/** How often a visible lock is touched: others take one for abandoned after 10 s or more (proper-lockfile's `stale`). */
export const FRESH_MS = 5_000;

/** A held lock, as other programs see it. */
export interface Announcement {
  /** Called often by who has no timers: touches it where that is due. */
  keepFresh(): void;
  end(): void;
}

/**
 * Makes a held lock visible to other programs with proper-lockfile's protocol: a directory whose time is kept fresh.
 * flock(2) has decided already: this only tells.
 */
export type Announce = (state: DirHandle, fs: FsPort, warn: (warning: Warning) => void) => Announcement;

/**
 * The one with timers of its own, for who lets them run.
 *
 * proper-lockfile loads graceful-fs, which replaces fs.close in the whole process: it is loaded by who announces, never by the engine.
 */
export async function loadAnnounce(): Promise<Announce> {
  const { default: lockfile } = await import('proper-lockfile');
  return (state, fs, warn) => {
    const path = fs.pathOf?.(state);
    if (path === undefined) return { keepFresh: () => {}, end: () => {} };
    const end = lockfile.lockSync(`${path}/${ANNOUNCED}`, {
      lockfilePath: `${path}/${ANNOUNCED}`,
      realpath: false,
      stale: 60_000,
      update: FRESH_MS,
      retries: 0,
      // Its default throws from a timer. The lock that counts is flock's, and nobody else can have that.
      onCompromised: (error: Error) => warn(compromised(error.message)),
    });
    return { keepFresh: () => {}, end };
  };
}

/**
 * The same protocol in the port's own calls, for a process that makes nothing but synchronous ones.
 *
 * Not guaranteed: that it looks fresh while one call takes long.
 */
export const announceByHand: Announce = (state, fs, warn) => {
  fs.mkdir(state, ANNOUNCED, 0o700);
  let ours = fs.stat(state, ANNOUNCED)?.mtime;
  let last = performance.now();
  return {
    keepFresh: () => {
      if (ours === undefined || performance.now() - last < FRESH_MS) return;
      last = performance.now();
      const now = fs.stat(state, ANNOUNCED)?.mtime;
      if (now?.sec === ours.sec && now.nsec === ours.nsec) ours = touch(state, fs);
      else {
        ours = undefined;
        warn(compromised(now === undefined ? 'it is gone' : 'it has another time'));
      }
    },
    end: () => {
      try {
        fs.rmdir(state, ANNOUNCED);
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
      }
    },
  };
};

/** @returns the time that it has now, as fine as the file system keeps it */
function touch(state: DirHandle, fs: FsPort): Timestamp | undefined {
  const pinned = fs.pin(state, ANNOUNCED);
  try {
    const now = Date.now();
    fs.setTimes(pinned, { sec: Math.floor(now / 1000), nsec: (now % 1000) * 1_000_000 });
    return fs.statHandle(pinned).mtime;
  } finally {
    fs.closeFile(pinned);
  }
}

function compromised(why: string): Warning {
  return { code: 'LOCK_COMPROMISED', message: `somebody touched the visible lock: ${why}` };
}
