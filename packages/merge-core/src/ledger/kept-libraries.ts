/** Which libraries of the versions that go stay for others (docs/PORTAGE.md, A.14), and what is written down of them. */

import { ascii, type Bytes } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { HERE, splitPath } from '../paths.ts';
import type { ContentsEntry } from './contents.ts';
import { libraryPath } from './libraries/library-path.ts';
import { clean, type ElfObject, parseNeeded } from './libraries/needed.ts';
import { showPackage } from './package-name.ts';
import { librariesToKeep } from './preserve-libs.ts';
import { damaged } from './read-below.ts';
import type { LedgerFacts } from './read-ledger.ts';
import type { Verdict } from './unmerge-model.ts';

/** In an entry of the database: the lines of NEEDED.ELF.2 for libraries of earlier versions, which the package keeps. */
export const KEPT: Bytes = ascii('EMPLACE.KEPT');
const NEEDED: Bytes = ascii('NEEDED.ELF.2');

export interface KeptLibraries {
  /** Of the versions that go, by path of their CONTENTS: the libraries, their symlinks, the directories above. */
  readonly entries: ReadonlyMap<Bytes, ContentsEntry>;
  /** What they are: for {@link KEPT}. */
  readonly lines: readonly Bytes[];
  /** Why that cannot be told: lines that say nothing. */
  readonly problems: readonly Problem[];
}

export const noneKept: KeptLibraries = { entries: new Map(), lines: [], problems: [] };

/** A library and the line that tells of it. */
interface Told {
  readonly object: ElfObject;
  readonly line: Bytes;
}

/** @param verdicts what would become of the versions that go */
export function keptLibraries(facts: LedgerFacts, verdicts: readonly Verdict[]): KeptLibraries {
  const { vdb, going, buildInfo, preserved } = facts;
  if (vdb === undefined) return noneKept;
  const problems: Problem[] = [];
  const goes = new Set(verdicts.filter(({ verdict }) => verdict === 'remove').map(({ path }) => path));
  const goneEntries = new Set(going.map(({ entry }) => entry?.directory));
  const staying = told(buildInfo.get(NEEDED), NEEDED, problems).map(({ object }) => object);
  const leaving: Told[] = [];
  for (const entry of vdb.directories()) {
    const all = [NEEDED, KEPT].flatMap((name) => told(vdb.file(entry, name), entry.directory, problems));
    if (goneEntries.has(entry.directory)) leaving.push(...all.filter(({ object }) => goes.has(object.path)));
    else staying.push(...all.map(({ object }) => object));
  }
  const listed = new Map(going.flatMap(({ entries }) => entries).map((entry) => [entry.path, entry]));
  const links = new Map<Bytes, Bytes>();
  for (const entry of listed.values())
    if (entry.type === 'sym' && goes.has(entry.path)) links.set(entry.path, targetOf(entry.path, entry.target));
  const paths = librariesToKeep({
    staying,
    leaving: leaving.map(({ object }) => object),
    links,
    libraryPath: libraryPath(vdb),
    identify: (directory) => {
      const found = vdb.real.of(directory);
      return found === undefined || 'code' in found ? directory : found.identity;
    },
  });
  // Of what Portage kept before nothing tells who needs it: only Portage can say that nobody does.
  const known = new Set(leaving.map(({ object }) => object.path));
  const ofGoing = new Set(going.map(({ entry }) => entry && showPackage(entry.name)));
  const keptBefore = preserved.filter((one) => ofGoing.has(one.package)).flatMap((one) => one.paths);
  paths.push(...keptBefore.filter((path) => goes.has(path) && !known.has(path) && !isLinkTo(known, links.get(path))));
  return {
    entries: withParents(new Set(paths), listed),
    lines: leaving.filter(({ object }) => paths.includes(object.path)).map(({ line }) => line),
    problems,
  };
}

function isLinkTo(known: ReadonlySet<Bytes>, target: Bytes | undefined): boolean {
  return target !== undefined && known.has(target);
}

function told(content: Buffer | undefined, where: Bytes, problems: Problem[]): Told[] {
  if (content === undefined) return [];
  const lines = content.latin1Slice().split('\n') as Bytes[];
  return lines.flatMap((line) => {
    const { objects, problems: wrong } = parseNeeded(Buffer.from(line, 'latin1'));
    for (const { why } of wrong)
      problems.push(damaged(where, `${quoted(where)}: ${quoted(line)} is no line of NEEDED.ELF.2: ${why}`));
    return objects.map((object) => ({ object, line }));
  });
}

function targetOf(path: Bytes, target: Bytes): Bytes {
  return clean(target.startsWith('/') ? target : `${splitPath(path).parent}/${target}`);
}

function withParents(paths: ReadonlySet<Bytes>, listed: ReadonlyMap<Bytes, ContentsEntry>): Map<Bytes, ContentsEntry> {
  const found = new Map<Bytes, ContentsEntry>();
  for (const path of paths) {
    const entry = listed.get(path);
    if (entry !== undefined) found.set(path, entry);
    for (let { parent } = splitPath(path); parent !== HERE; { parent } = splitPath(parent)) {
      const above = listed.get(parent);
      if (above?.type === 'dir') found.set(parent, above);
    }
  }
  return found;
}
