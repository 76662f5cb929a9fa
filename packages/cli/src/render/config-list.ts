import type { ConfigUpdateList, Difference, MergePiece, PendingFile } from '@emplace/merge-core';
import { type Bytes, show } from '@emplace/syscalls';
import { jsonPath } from './json.ts';
import { problemJson } from './owners.ts';
import { renderBytes } from './report.ts';

const SENTENCES: Readonly<Record<Difference, string>> = {
  same: 'the same as its update',
  trivial: 'differs in blanks and comments alone',
  text: 'differs',
  binary: 'differs, no text',
  large: 'too long to compare',
  unreadable: 'may not be read',
  missing: 'not there any more',
  symlink: 'a symlink',
  type: 'something else is in the way',
};

/** One file with its updates in two lines, its number first. */
export function renderList({ files }: ConfigUpdateList): string {
  if (files.length === 0) return 'no updates wait';
  const width = String(files.length).length;
  const lines = files.flatMap((file) => {
    const { updates, difference, hasBase, owners } = file;
    const isText = difference === 'text' || difference === 'trivial';
    const told = [SENTENCES[difference], ...(isText ? [hasBase ? 'merges three ways' : 'no earlier text known'] : [])];
    const older = updates.slice(0, -1).map(({ name }) => show(name));
    const newest = updates.at(-1) ?? updates[0];
    return [
      `${String(file.number).padStart(width)}  ${shownPath(file.path)}: ${[...told, ...owners].join(', ')}`,
      `${' '.repeat(width)}    ${show(newest.name)} (${renderBytes(newest.stat.size)})${older.length > 0 ? `, obsolete: ${older.join(', ')}` : ''}`,
    ];
  });
  const updates = files.reduce((sum, file) => sum + file.updates.length, 0);
  return [...lines, `${counted(files.length, 'file')}, ${counted(updates, 'update')}`].join('\n');
}

export function listJson({ files, problems }: ConfigUpdateList): object {
  return { files: files.map(fileJson), problems: problems.map(problemJson) };
}

function fileJson(file: PendingFile): object {
  const { number, path, stat, difference, hasBase, owners, updates } = file;
  return {
    number,
    path: jsonPath(`/${path}` as Bytes),
    ...(stat && { type: stat.type }),
    difference,
    hasBase,
    owners,
    updates: updates.map((update, at) => ({
      number: update.number,
      path: jsonPath(updatePath(file, update.name)),
      type: update.stat.type,
      size: update.stat.size,
      obsolete: at < updates.length - 1,
    })),
  };
}

/** As seen from the root. */
export function shownPath(path: Bytes): string {
  return `/${show(path)}`;
}

/** With its leading slash. */
export function updatePath({ path }: Pick<PendingFile, 'path'>, name: Bytes): Bytes {
  return `/${path.slice(0, path.lastIndexOf('/') + 1)}${name}` as Bytes;
}

/** What a merge is made of, in a few words. */
export function renderChanges(pieces: readonly MergePiece[], hasBase: boolean): string {
  const count = (kind: MergePiece['kind']): number => pieces.filter((piece) => piece.kind === kind).length;
  const conflicts = count('conflict');
  if (!hasBase) return `no earlier text is known, ${counted(conflicts, 'difference')}`;
  const changes = count('theirs');
  return `${counted(changes, 'change')} of the update, ${counted(conflicts, 'conflict')}`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
