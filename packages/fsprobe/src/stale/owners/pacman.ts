import { ascii, type Bytes, close } from '@emplace/syscalls';
import { listNames } from '../../processes/proc.ts';
import { attempt, isUnread } from '../../processes/read.ts';
import { openDirectory, openRegular, openRoot } from '../below-root.ts';
import type { OwnerFinder } from '../model.ts';
import { Found } from './found.ts';
import { Question } from './question.ts';
import { LineReader } from './read-lines.ts';

const LOCAL = ascii('var/lib/pacman/local');
/** NAME-VERSION-RELEASE: neither a version nor a release has a hyphen (PKGBUILD(5)). */
const PACKAGE = /^([A-Za-z0-9@._+][A-Za-z0-9@._+-]*)-([^-\s]+-[^-\s]+)$/;
const PRINTABLE = /^[!-~]+$/;
const PACKAGES_MAX = 200_000;
const PERCENT = 0x25;
const SLASH = 0x2f;

/**
 * Arch Linux's packages, from pacman's local database: `bash 5.2.037-1`. Not guaranteed: that it is where it is by
 * default; a `DBPath` in pacman.conf is not read.
 */
export const pacmanOwners: OwnerFinder = {
  name: 'pacman',
  ownersOf(paths, root, untilMs) {
    using top = openRoot(root);
    using local = top && openDirectory(top, LOCAL);
    const names = local && attempt(() => listNames(local.fd, ascii('.')));
    if (top === undefined || local === undefined || names === undefined || isUnread(names)) return new Map();
    const [question, reader, found] = [new Question(paths, top), new LineReader(untilMs), new Found()];
    for (const directory of names.slice(0, PACKAGES_MAX)) {
      if (reader.isOver) break;
      const [, name, version = ''] = PACKAGE.exec(directory) ?? [];
      if (name === undefined || !PRINTABLE.test(version)) continue;
      const fd = openRegular(local, `${directory}/files` as Bytes);
      if (fd === undefined) continue;
      try {
        visitFiles(fd, reader, question, (path) => found.add(path, `${name} ${version}`));
      } finally {
        close(fd);
      }
    }
    return found.owners();
  },
};

/** The section %FILES%: paths without their first slash, directories with one at their end. */
function visitFiles(fd: number, reader: LineReader, question: Question, visit: (path: Bytes) => void): void {
  let inFiles = false;
  reader.visit(fd, (buffer, start, end) => {
    if (start === end) inFiles = false;
    else if (buffer[start] === PERCENT && !inFiles) inFiles = buffer.latin1Slice(start, end) === '%FILES%';
    else if (inFiles) {
      const last = buffer[end - 1] === SLASH ? end - 1 : end;
      for (const path of question.matches(buffer, start, last)) visit(path);
    }
  });
}
