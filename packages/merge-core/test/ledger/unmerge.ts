import { createHash } from 'node:crypto';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import type { MemoryOptions, MemoryPort } from '../../src/fs/memory.ts';
import { type ContentsEntry, parseContents } from '../../src/ledger/contents.ts';
import { type PackageName, parsePackageName } from '../../src/ledger/package-name.ts';
import type { Unmerge, UnmergeRules } from '../../src/ledger/unmerge-model.ts';
import { decideUnmerge, wholeContents } from '../../src/ledger/unmerge-rules.ts';
import { OpenDirectories } from '../../src/open-directories.ts';
import { runSync } from '../../src/steps.ts';
import { type Entry, ROOT, world } from '../engine/world.ts';

/** The time that `build` gives to what says none, in whole seconds. */
export const MERGED = 1_500_000_000;

function md5(content: string): string {
  return createHash('md5').update(content).digest('hex');
}

/** The line for a file that `build` made: its content is its path unless told otherwise. */
export function obj(path: string, content = path, mtime = MERGED): string {
  return `obj /${path} ${md5(content)} ${mtime}`;
}

export function sym(path: string, target: string, mtime = MERGED): string {
  return `sym /${path} -> ${target} ${mtime}`;
}

export function entriesOf(lines: readonly string[]): readonly ContentsEntry[] {
  const content = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
  return wholeContents(parseContents(content), ascii('CONTENTS'));
}

/** Nobody else is there, nothing is protected. */
const plain: UnmergeRules = {
  prefix: ascii(''),
  isReplaced: () => false,
  isReplacedByDirectory: () => false,
  isProtected: () => false,
  uninstallIgnore: [ascii('/lib/modules/*')],
  keepModified: false,
  otherOwners: () => [],
  infoDirectories: [],
};

/** Rules under which modified files stay, so that those after I.2e are reached. */
export const careful: UnmergeRules = { ...plain, keepModified: true };

export function listed(...paths: string[]): (path: Bytes) => boolean {
  return (path) => paths.includes(path);
}

export const other: PackageName = parsePackageName('app-misc/other-1');

/** A package with these lines goes from a root with this tree. */
export function unmerge(
  tree: readonly Entry[],
  lines: readonly string[],
  rules: Partial<UnmergeRules> = {},
  memory: MemoryOptions = {},
): Unmerge {
  return decide(world(tree, [], memory), lines, rules);
}

export function decide(fs: MemoryPort, lines: readonly string[], rules: Partial<UnmergeRules> = {}): Unmerge {
  const top = fs.openRoot(ROOT);
  try {
    using root = new OpenDirectories(fs, top);
    return runSync(decideUnmerge(entriesOf(lines), root, { ...plain, ...rules }, fs));
  } finally {
    fs.closeDir(top);
  }
}

const SIGNS = { remove: '<<<', keep: '---', 'remove-directory-if-empty': '<<<' } as const;

/** As Portage prints them: `<<< obj usr/bin/x`, `--- !md5 obj usr/bin/y`. */
export function printed({ verdicts }: Unmerge): string[] {
  return verdicts.map(({ verdict, reason, type, path }) =>
    [SIGNS[verdict], reason, type, path].filter((part) => part !== '').join(' '),
  );
}

/** Does what the verdicts say, in their order, with nothing but the names in them. */
export function carryOut(fs: MemoryPort, { verdicts }: Unmerge): void {
  const top = fs.openRoot(ROOT);
  for (const { verdict, target } of verdicts) {
    if (verdict === 'keep') continue;
    const slash = target.lastIndexOf('/');
    const dir = fs.openDir(top, target.slice(0, Math.max(slash, 0)) as Bytes);
    const name = toBytes(Buffer.from(target.slice(slash + 1), 'latin1'));
    if (verdict === 'remove') fs.unlink(dir, name);
    else fs.rmdir(dir, name);
    fs.closeDir(dir);
  }
  fs.closeDir(top);
}
