import { ascii, type Bytes, close } from '@emplace/syscalls';
import { openRegular, openRoot } from '../below-root.ts';
import type { OwnerFinder } from '../model.ts';
import { Found } from './found.ts';
import { Question } from './question.ts';
import { LineReader, type VisitLine } from './read-lines.ts';

/** The second one where `/usr` is merged. */
const DATABASES = [ascii('lib/apk/db/installed'), ascii('usr/lib/apk/db/installed')];
const NAME = /^[A-Za-z0-9._+-]+$/;
const COLON = 0x3a;
const [PACKAGE, VERSION, FOLDER, FILE] = ['P', 'V', 'F', 'R'].map((letter) => letter.charCodeAt(0));

/**
 * Alpine Linux's packages, from apk's installed database: `musl 1.2.5-r0`. A text of lines `LETTER:VALUE` in records
 * with an empty line after each (apk-installed(5)); `installed.adb`, which apk 3 can be told to write, is not read.
 */
export const apkOwners: OwnerFinder = {
  name: 'apk',
  ownersOf(paths, root, untilMs) {
    using top = openRoot(root);
    if (top === undefined) return new Map();
    const [question, reader, found] = [new Question(paths, top), new LineReader(untilMs), new Found()];
    for (const database of DATABASES) {
      const fd = openRegular(top, database);
      if (fd === undefined) continue;
      try {
        reader.visit(fd, recordReader(question, found));
      } finally {
        close(fd);
      }
      break;
    }
    return found.owners();
  },
};

function recordReader(question: Question, found: Found): VisitLine {
  let [name, version, folder] = ['', '', ''];
  const give = (paths: readonly Bytes[]): void => {
    const owner = `${name} ${version}`.trimEnd();
    if (name !== '') for (const path of paths) found.add(path, owner);
  };
  const word = (text: string): string => (NAME.test(text) ? text : '');
  return (buffer, start, end) => {
    if (start === end) [name, version, folder] = ['', '', ''];
    if (buffer[start + 1] !== COLON || end < start + 2) return;
    const letter = buffer[start];
    const value = start + 2;
    if (letter === FILE) give(question.matches(buffer, value, end, () => folder as Bytes));
    else if (letter === PACKAGE) name = word(buffer.latin1Slice(value, end));
    else if (letter === VERSION) version = word(buffer.latin1Slice(value, end));
    else if (letter === FOLDER) {
      folder = buffer.latin1Slice(value, end);
      give(question.matches(buffer, value, end));
    }
  };
}
