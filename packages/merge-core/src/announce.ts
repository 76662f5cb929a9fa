import type { Warning } from './events.ts';

/**
 * Makes a held lock visible to other programs with proper-lockfile's protocol: a directory whose time is kept fresh.
 * `path` is the lock's own; the returned function ends it. flock(2) has decided already: this only tells.
 *
 * proper-lockfile loads graceful-fs, which replaces fs.close in the whole process: it is loaded by who announces, never by the engine.
 */
export type Announce = (path: string, warn: (warning: Warning) => void) => () => void;

export async function loadAnnounce(): Promise<Announce> {
  const { default: lockfile } = await import('proper-lockfile');
  return (path, warn) => {
    const onCompromised = (error: Error): void => {
      // Its default throws from a timer. The lock that counts is flock's, and nobody else can have that.
      warn({ code: 'LOCK_COMPROMISED', message: `somebody touched the visible lock: ${error.message}` });
    };
    return lockfile.lockSync(path, {
      lockfilePath: path,
      realpath: false,
      stale: 60_000,
      update: 5_000,
      retries: 0,
      onCompromised,
    });
  };
}
