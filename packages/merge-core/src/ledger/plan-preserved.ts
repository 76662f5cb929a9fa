import type { Bytes } from '@emplace/syscalls';
import { join } from '../paths.ts';
import type { Additions } from '../plan/additions.ts';
import { formatContents } from './contents.ts';
import type { KeptLibraries } from './kept-libraries.ts';
import { showPackage } from './package-name.ts';
import { formatRegistry, register, unregister } from './preserved-registry.ts';
import type { LedgerFacts } from './read-ledger.ts';
import { realPathOf } from './real-paths.ts';
import type { Verdict } from './unmerge-model.ts';
import { wholeContents } from './unmerge-rules.ts';
import { CONTENTS } from './vdb.ts';

/**
 * Keeps Portage's registry of preserved libraries (A.17): what is kept from now on is added, what goes or is brought by this package is
 * taken out, and out of the lists of those that kept it too.
 * @param brought real paths of preserved libraries of others that this package brings
 */
export function planPreserved(
  facts: LedgerFacts,
  kept: KeptLibraries,
  verdicts: readonly Verdict[],
  brought: ReadonlySet<Bytes>,
  additions: Additions,
): void {
  const { preserved, places, name, slot, counter, going, real } = facts;
  if (name === undefined) return;
  const gone = new Set(verdicts.filter(({ verdict }) => verdict === 'remove').map(({ path }) => path));
  const isBrought = (path: Bytes): boolean => brought.has(realPathOf(path, real));
  const has = (path: Bytes): boolean => gone.has(path) || isBrought(path);
  const replaced = new Set(going.map(({ entry }) => entry && showPackage(entry.name)));
  // What goes keeps nothing: what it kept and is still needed, the new version keeps.
  const others = unregister(preserved, { has }).filter((one) => !replaced.has(one.package));
  const libraries = [...kept.entries.values()].filter(({ type }) => type !== 'dir').map(({ path }) => path);
  const bare = slot?.split('/')[0];
  const after = bare === undefined ? others : register(others, name, bare, counter, libraries);
  const [before, content] = [preserved, after].map((one) => formatRegistry(one, places.registry)) as [Buffer, Buffer];
  if (!content.equals(before)) additions.record({ path: places.registry, mode: 0o644, content: () => content });
  if (brought.size > 0) dropFromLists(facts, isBrought, additions);
}

/** A library that another package brings is no longer listed by the one that kept it. */
function dropFromLists(
  { preserved, vdb, going }: LedgerFacts,
  isBrought: (path: Bytes) => boolean,
  additions: Additions,
): void {
  const goneEntries = new Set(going.map(({ entry }) => entry?.directory));
  const keepers = new Set(preserved.filter(({ paths }) => paths.some(isBrought)).map((one) => one.package));
  for (const entry of vdb?.directories() ?? []) {
    if (vdb === undefined || !keepers.has(showPackage(entry.name)) || goneEntries.has(entry.directory)) continue;
    const path = join(entry.directory, CONTENTS);
    const entries = wholeContents(vdb.contents(entry), path).filter((one) => !isBrought(one.path));
    const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    additions.record({ path, mode: 0o644, content: () => formatContents(sorted) });
  }
}
