import type { Finding, ScannedProcess } from '@emplace/fsprobe';
import { type Bytes, show, toBytes } from '@emplace/syscalls';

/** Words that quote names as bytes, such as evidence and owners. */
export function showWords(words: string): string {
  return show(words as Bytes);
}

/** Text that was made for a person. A second time: what a record on disk or a cgroup says is no more trusted than a name. */
export function showText(text: string): string {
  return show(toBytes(text));
}

/** `nginx`; a process may have called itself nothing. */
export function commandOf({ command }: Pick<ScannedProcess, 'command'>): string {
  return show(command) || '(no name)';
}

export function commandLineOf(process: ScannedProcess): string {
  return process.arguments.map(show).join(' ') || commandOf(process);
}

export function ownersOf({ owners }: Finding): readonly string[] {
  return owners.map(showWords);
}

/** `812 nginx`, with the place when that is not the host's. */
export function placeOf({ place }: ScannedProcess): string {
  return place === 'host' ? '' : place;
}

/** `2026-11-21 18:04:05`, UTC: a report travels to people elsewhere. */
export function timeOf(seconds: number): string {
  const ms = seconds * 1000;
  return Math.abs(ms) > 8.64e15 ? 'unknown' : new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}
