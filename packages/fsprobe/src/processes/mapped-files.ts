import {
  ascii,
  type Bytes,
  close,
  isErrno,
  makedev,
  nextMapping,
  O_CLOEXEC,
  O_RDONLY,
  openat,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  PROCMAP_QUERY_VMA_EXECUTABLE,
  readlinkat,
} from '@emplace/syscalls';
import { isAmbiguous, parseMaps } from './mappings.ts';
import type { ProcessDirectory } from './process.ts';
import { attempt, type Identity, isUnread, readWhole } from './read.ts';

/** A part of a file that a process has mapped. Good only during the visit. */
export interface MappedFile {
  /** As the kernel renders it, ` (deleted)` and all. A path that is longer than PATH_MAX has its newlines as `\012`. */
  readonly shown: Bytes;
  /** What the kernel counts the file by: on btrfs and overlay another than stat says. */
  readonly counted: Identity;
  /** The link of map_files below the process's directory. */
  link(): Bytes;
}

const MAPS = ascii('maps');

/**
 * Shows `visit` the mapped files of a process by their addresses, each as often as it is mapped. Asked one by one, which
 * costs a third of the text of maps; read from the text before Linux 6.11.
 * @param which `code`: only what may be executed
 * @throws SyscallError EACCES for processes of others, ESRCH when it is gone
 */
export function visitMappedFiles(
  process: ProcessDirectory,
  which: 'code' | 'all',
  visit: (file: MappedFile) => void,
): void {
  const executable = which === 'code' ? PROCMAP_QUERY_VMA_EXECUTABLE : 0;
  const maps = openat(process.fd, MAPS, O_RDONLY | O_CLOEXEC);
  let address = 0n;
  try {
    for (;;) {
      const found = nextMapping(maps, address, executable | PROCMAP_QUERY_FILE_BACKED_VMA);
      if (found === undefined) return;
      // Taken now: a visitor may ask for mappings too, and that is written over this one.
      const { start, end, name, dev, ino } = found;
      address = end;
      visit({ shown: name, counted: { dev, ino }, link: () => linkOf(start, end) });
    }
  } catch (error) {
    if (!isErrno(error, 'ENOTTY', 'ENAMETOOLONG')) throw error;
  } finally {
    close(maps);
  }
  visitText(process, which, address, visit);
}

/** @param from where what was not visited yet begins */
function visitText(
  process: ProcessDirectory,
  which: 'code' | 'all',
  from: bigint,
  visit: (file: MappedFile) => void,
): void {
  for (const line of parseMaps(readWhole(process.fd, MAPS))) {
    if (which === 'code' && !line.executable) continue;
    if (BigInt(`0x${line.range.split('-')[0]}`) < from) continue;
    const link = `map_files/${line.range}` as Bytes;
    const [, major = '', minor = '', ino = ''] = /^(.+):(.+) (.+)$/.exec(line.inode) ?? [];
    const counted = { dev: makedev(Number.parseInt(major, 16), Number.parseInt(minor, 16)), ino: BigInt(ino) };
    const exact = isAmbiguous(line.text) ? attempt(() => readlinkat(process.fd, link)) : line.text;
    visit({ shown: isUnread(exact) ? line.text : exact, counted, link: () => link });
  }
}

function linkOf(start: bigint, end: bigint): Bytes {
  return ascii(`map_files/${start.toString(16)}-${end.toString(16)}`);
}
