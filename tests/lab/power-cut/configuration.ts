/** Protected files with updates that wait, and what settles them all. */
import { mkdirSync } from 'node:fs';
import { compareTrees, file, type TreeEntry, type TreeSnapshot, writeTree } from '@emplace/fixtures';
import type { Bytes } from '@emplace/syscalls';
import { type CutOperation, runEmplace } from './operations.ts';

const FILES = 5;
const PRISTINE = 'var/lib/emplace/pristine';
/** Some blocks each: what is not flushed of them is seen to be missing. */
const LINES = 1_200;

/** What the package brought, what was made of it here, and what the next version brings. */
function texts(n: number): { readonly base: string; readonly mine: string; readonly theirs: string } {
  const lines = Array.from({ length: LINES }, (_, line) => `line ${line} of ${n}`);
  const changed = (at: number, what: string): string => `${lines.with(at, what).join('\n')}\n`;
  return { base: `${lines.join('\n')}\n`, mine: changed(20, 'mine'), theirs: changed(LINES - 20, 'theirs') };
}

/** Makes a root. */
export function writeConfiguration(root: string): void {
  const entries: TreeEntry[] = [];
  for (let n = 0; n < FILES; n++) {
    const { base, mine, theirs } = texts(n);
    entries.push(
      file(`etc/app-${n}`, mine, { mode: 0o640, uid: 7, gid: 8 }),
      file(`etc/._cfg0000_app-${n}`, base),
      file(`etc/._cfg0001_app-${n}`, theirs, { mode: 0o600 }),
      file(`${PRISTINE}/etc/app-${n}`, base),
    );
  }
  mkdirSync(root);
  writeTree(root, entries);
}

const settling = (name: string, ...args: readonly string[]): CutOperation => ({
  name: `emplace config ${name}`,
  prepare: () => {},
  run: (place, { sync }) => runEmplace(['config', name, ...args, '--root', `${place}/root`, '--sync', sync]),
});

/** Each settles all that waits. */
export const SETTLINGS: readonly CutOperation[] = [settling('accept', '--all'), settling('merge', '--auto')];

/** Times apart: what is merged is of the moment. So is what a lock leaves, which the next one takes. */
export function settledDifferences(expected: TreeSnapshot, found: TreeSnapshot): string[] {
  const ignore = { attributes: ['mtime' as const], directoryMtimes: true, paths: ['.emplace'] };
  return compareTrees(expected, found, { ignore });
}

/** What of the protected files and their updates is neither what it was nor what it was to be, or gone before its time. */
export function neitherOf(found: TreeSnapshot, old: TreeSnapshot, fresh: TreeSnapshot): string[] {
  const wrong: string[] = [];
  for (let n = 0; n < FILES; n++) {
    const [name, pristine] = [`etc/app-${n}`, `${PRISTINE}/etc/app-${n}`];
    const updates = ['0000', '0001'].map((number) => `etc/._cfg${number}_app-${n}`);
    const is = (paths: readonly string[], tree: TreeSnapshot): boolean =>
      settledDifferences(only(tree, paths), only(found, paths)).length === 0;
    for (const path of [name, pristine]) if (!is([path], old) && !is([path], fresh)) wrong.push(path);
    for (const path of updates) if (!is([path], old) && !is([path], new Map())) wrong.push(path);
    const isSettled = is([name, pristine], fresh);
    if (!isSettled && updates.some((path) => !found.has(path as Bytes))) wrong.push(`the updates of ${name}`);
  }
  return wrong;
}

function only(tree: TreeSnapshot, paths: readonly string[]): TreeSnapshot {
  return new Map([...tree].filter(([path]) => paths.includes(path)));
}
