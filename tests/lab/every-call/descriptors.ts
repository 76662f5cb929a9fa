import { readdirSync, readlinkSync } from 'node:fs';
import { close } from '@emplace/syscalls';

/** What this process has open, by descriptor. */
export function openDescriptors(): ReadonlyMap<number, string> {
  const open = new Map<number, string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      open.set(Number(fd), readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // That of the listing itself.
    }
  }
  return open;
}

/** Closes what was opened since, as the kernel does when a process ends, locks included. @returns what that was */
export function closeOpenedSince(before: ReadonlyMap<number, string>): string[] {
  const since = [...openDescriptors()].filter(([fd, what]) => before.get(fd) !== what);
  for (const [fd] of since) close(fd);
  return since.map(([fd, what]) => `descriptor ${fd} of ${what}`);
}
