import { ascii, type Bytes, close } from '@emplace/syscalls';
import { openRegular, type Root } from '../below-root.ts';
import type { Question } from './question.ts';
import type { LineReader } from './read-lines.ts';

const DIVERSIONS = ascii('var/lib/dpkg/diversions');
/** A database lists a few dozen. */
const DIVERSIONS_MAX = 10_000;

/** dpkg-divert(1): the files that all packages but one ship at a path are put at another one. */
export interface Diverted {
  /** Paths as packaged whose files lie at a wanted path. */
  readonly sources: readonly Bytes[];
  /** Whose the file at this wanted path is: the one that diverted the others, `:` for nobody. undefined: not diverted. */
  from(path: Bytes): string | undefined;
  /** Wanted paths where what a package ships at `path` lies. */
  to(path: Bytes, owner: string): readonly Bytes[];
}

interface Diversion {
  readonly source: Bytes;
  readonly target: Bytes;
  readonly by: string;
}

/** Those that concern wanted paths. The file has three lines for each: from, to, by whom. */
export function readDiversions(wanted: Question, root: Root, reader: LineReader): Diverted {
  const froms = new Map<Bytes, string>();
  const tos: Diversion[] = [];
  for (const { source, target, by } of diversionsOf(root, reader)) {
    for (const path of wanted.matchesText(source)) froms.set(path, by);
    for (const path of wanted.matchesText(target)) tos.push({ source, target: path, by });
  }
  return {
    sources: tos.map(({ source }) => source),
    from: (path) => froms.get(path),
    to: (path, owner) => tos.filter(({ source, by }) => source === path && by !== owner).map(({ target }) => target),
  };
}

function diversionsOf(root: Root, reader: LineReader): Diversion[] {
  const fd = openRegular(root, DIVERSIONS);
  if (fd === undefined) return [];
  const all: Diversion[] = [];
  let lines: string[] = [];
  try {
    reader.visit(fd, (buffer, start, end) => {
      lines.push(buffer.latin1Slice(start, end));
      if (lines.length < 3) return;
      const [source, target, by] = lines as [Bytes, Bytes, string];
      lines = [];
      if (all.length < DIVERSIONS_MAX) all.push({ source, target, by });
    });
  } finally {
    close(fd);
  }
  return all;
}
