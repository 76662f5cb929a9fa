import { createHash } from 'node:crypto';
import type { EntryType } from '@emplace/fsprobe';
import { type Bytes, toBuffer } from '@emplace/syscalls';
import type { ContentsEntry } from './contents.ts';

/** MD5 in lower-case hex: of a file's content, of the bytes of a symlink's target; undefined for anything else. */
export interface Digested {
  readonly type: EntryType;
  readonly md5: string | undefined;
}

/** All that decides what becomes of an update for a protected path. */
export interface ConfigQuestion {
  /** What the package brings: a file or a symlink. */
  readonly update: Digested & { readonly md5: string };
  /** What has the name now. */
  readonly present: Digested | undefined;
  /** What CONTENTS of the installed version says of the path. */
  readonly recorded: ContentsEntry | undefined;
  /** What config memory says of it. */
  readonly remembered: string | undefined;
  /** FEATURES config-protect-if-modified: a file that nobody edited is no one's configuration. */
  readonly ifModified: boolean;
  /** NOCONFMEM, or a downgrade: what was offered once is offered again. */
  readonly again: boolean;
}

export interface ConfigDecision {
  /** `merge`: as if it was not protected. `offer`: under a name beside it. `skip`: it was offered before. */
  readonly action: 'merge' | 'offer' | 'skip';
  /** What config memory says of the path from now on; undefined leaves it as it is. */
  readonly remember: string | undefined;
}

/** The decision of docs/PORTAGE.md, F.3, for a path that is protected. CONTENTS gets the real name whatever is decided (F.4). */
export function decideConfig(question: ConfigQuestion): ConfigDecision {
  const { update, present, recorded, remembered, ifModified, again } = question;
  // The administrator took it away: to bring it back in silence would undo that.
  if (present === undefined) return { action: recorded === undefined ? 'merge' : 'offer', remember: undefined };
  if (ifModified && isAsRecorded(present, recorded)) return { action: 'merge', remember: undefined };
  if (present.type === update.type && present.md5 === update.md5) return { action: 'merge', remember: update.md5 };
  if (remembered === update.md5 && !again) return { action: 'skip', remember: undefined };
  return { action: 'offer', remember: update.md5 };
}

function isAsRecorded(present: Digested, recorded: ContentsEntry | undefined): boolean {
  if (recorded?.type === 'obj') return present.type === 'file' && present.md5 === recorded.md5;
  if (recorded?.type === 'sym') return present.type === 'symlink' && present.md5 === targetMd5(recorded.target);
  return false;
}

/** How a symlink stands in config memory. */
export function targetMd5(target: Bytes): string {
  return createHash('md5').update(toBuffer(target)).digest('hex');
}
