import { ascii, type Bytes } from '@emplace/syscalls';
import type { ProcessDirectory } from './process.ts';
import { attempt, isUnread, type Link, readLink, readWhole, type Unread } from './read.ts';

/** One mapped part of a file, from a line of /proc/PID/maps. */
export interface MapsLine {
  /** Addresses as map_files names them: hexadecimal, no leading zeros, `START-END`. */
  readonly range: string;
  readonly executable: boolean;
  /** `MAJOR:MINOR INODE` as maps has them. Not what stat says on btrfs and overlay: good only to compare with itself. */
  readonly inode: string;
  /** As it stands there: a newline of the path is `\012`, and so is a backslash with three digits after it. */
  readonly text: Bytes;
}

export interface Mapping extends MapsLine {
  /** From map_files, byte-exact. EPERM without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
  readonly link: Link;
}

/** The widest a line's head gets before the path's column (fs/proc/task_mmu.c, show_map_vma: 25 + 6 * 8 - 1). */
const HEAD_WIDTH = 72;
const HEAD = /^0*([0-9a-f]+)-0*([0-9a-f]+) (..)(.)(.) [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+ \d+) /;

/** The file mappings of a process, in the order of their addresses. A mapping that went meanwhile has ENOENT in its link. */
export function readMappings(process: ProcessDirectory): readonly Mapping[] | Unread {
  const lines = readMaps(process);
  if (isUnread(lines)) return lines;
  return lines.map((line) => ({ ...line, link: readLink(process.fd, `map_files/${line.range}` as Bytes) }));
}

/** The lines of maps that are of files. */
export function readMaps({ fd }: ProcessDirectory): readonly MapsLine[] | Unread {
  return attempt(() => parseMaps(readWhole(fd, ascii('maps'))));
}

/** Lines of anonymous memory are left out. */
export function parseMaps(text: Bytes): MapsLine[] {
  return text.split('\n').flatMap((line) => {
    const head = HEAD.exec(line);
    if (head === null) return [];
    const [matched, start = '', end = '', , execute, , inode = ''] = head;
    if (/^0+:0+ 0$/.test(inode)) return [];
    // By column: a path of a file system that was unmounted lazily has lost its first `/`, and may start with a space.
    const path = line.slice(Math.max(matched.length, HEAD_WIDTH) + 1) as Bytes;
    return [{ range: `${start}-${end}`, executable: execute === 'x', inode, text: path }];
  });
}

/** How maps shows a path. Two paths can come out the same: {@link isAmbiguous}. */
export function asMapsShows(path: Bytes): Bytes {
  return path.replaceAll('\n', '\\012') as Bytes;
}

/** Whether text of maps may stand for more than one path; map_files tells them apart. */
export function isAmbiguous(text: Bytes): boolean {
  return text.includes('\\012');
}
