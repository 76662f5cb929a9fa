import { readFileSync } from 'node:fs';

/** Who holds the lock, for people: pids are reused, so start time and boot id tell whether it still is that process. */
export interface Owner {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks after boot. */
  readonly startTime: string;
  readonly bootId: string;
  readonly command: string;
  /** ISO 8601. */
  readonly since: string;
}

export function describeSelf(): Owner {
  return {
    pid: process.pid,
    // The command name before it may hold spaces and parentheses: count from the last `)`.
    startTime: readOr('/proc/self/stat').split(')').at(-1)?.split(' ')[20] ?? '',
    bootId: readOr('/proc/sys/kernel/random/boot_id').trim(),
    command: process.argv.slice(0, 4).join(' '),
    since: new Date().toISOString(),
  };
}

/** The owner as a person reads it; undefined when nothing sensible stands there. */
export function describeOwner(text: string): string | undefined {
  try {
    const { pid, command, since } = JSON.parse(text) as Partial<Owner>;
    // JSON.stringify escapes what a hostile command line could do to a terminal.
    return typeof pid === 'number'
      ? `process ${pid} (${JSON.stringify(String(command))}) since ${JSON.stringify(String(since))}`
      : undefined;
  } catch {
    // Torn or empty: the holder is just writing it, or was killed while it did. Nothing depends on it.
    return undefined;
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No /proc: the owner file says less, the lock is the same.
    return '';
  }
}
