import { type Bytes, ftruncate, pread, pwrite } from '@emplace/syscalls';
import type { ChangedPath } from '../transaction/changed-paths.ts';

/** Of each line: `i` for a new path, `u` for one that is replaced, `r` for one that goes; then the path, then a NUL, which no path has. */
const marks = { install: 'i', upgrade: 'u', remove: 'r' } as const;
const operations = new Map(Object.entries(marks).map(([operation, mark]) => [mark, operation as keyof typeof marks]));
const PIECE = 1 << 16;

/** Writes what will change to a file that two processes share, in place of what it held: a million paths are in no message. */
export function writeChanges(fd: number, changes: Iterable<ChangedPath>): void {
  ftruncate(fd, 0);
  let offset = 0;
  let piece = '';
  const flush = (): void => {
    const bytes = Buffer.from(piece, 'latin1');
    for (let done = 0; done < bytes.length; ) done += pwrite(fd, bytes.subarray(done), offset + done);
    offset += bytes.length;
    piece = '';
  };
  for (const { path, operation } of changes) {
    piece += `${marks[operation]}${path}\0`;
    if (piece.length > PIECE) flush();
  }
  flush();
}

/** What was written there; it can be read again and again. */
export function changesIn(fd: number): Iterable<ChangedPath> {
  return { [Symbol.iterator]: () => readChanges(fd) };
}

function* readChanges(fd: number): Generator<ChangedPath> {
  const buffer = Buffer.allocUnsafe(PIECE);
  let offset = 0;
  let rest = '';
  for (let count = pread(fd, buffer, offset); count > 0; count = pread(fd, buffer, offset)) {
    offset += count;
    const lines = (rest + buffer.latin1Slice(0, count)).split('\0');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const operation = operations.get(line[0] as 'i');
      if (operation === undefined) throw new Error(`bug: ${JSON.stringify(line[0])} marks no change`);
      yield { path: line.slice(1) as Bytes, operation };
    }
  }
}
