import { ascii, type Bytes } from '@emplace/syscalls';
import type { Located } from './inspect.ts';
import type { OwnerFinder, ScannedProcess } from './model.ts';

export interface Unowned extends Omit<ScannedProcess, 'findings'> {
  readonly findings: readonly Located[];
}

/**
 * For the databases of all containers together: whoever is in one writes what he likes there, and may not keep a scan of
 * the whole machine waiting. A sound one of a thousand packages takes a tenth of a second.
 */
const FOREIGN_MS = 5_000;
const OWN_ROOT = ascii('/');

/**
 * Puts the packages to all paths found. Each finder is asked once for each root.
 * @param foreignMs instead of 5,000, in tests
 */
export function nameOwners(
  processes: readonly Unowned[],
  finders: readonly OwnerFinder[],
  foreignMs: number = FOREIGN_MS,
): { readonly owned: ScannedProcess[]; readonly unreadDatabases: number } {
  const asked = new Map<Bytes, Set<Bytes>>();
  for (const { root, finding } of processes.flatMap(({ findings }) => findings)) {
    if (finding.path !== undefined) asked.set(root, (asked.get(root) ?? new Set()).add(finding.path));
  }
  const answers = new Map<Bytes, readonly ReturnType<OwnerFinder['ownersOf']>[]>();
  const ownPaths = asked.get(OWN_ROOT);
  if (ownPaths !== undefined) answers.set(OWN_ROOT, askAll(finders, ownPaths, OWN_ROOT, Number.POSITIVE_INFINITY));
  const untilMs = performance.now() + foreignMs;
  let unreadDatabases = 0;
  for (const [root, paths] of asked) {
    if (root === OWN_ROOT) continue;
    answers.set(root, askAll(finders, paths, root, untilMs));
    if (performance.now() >= untilMs) unreadDatabases++;
  }
  const ownersOf = ({ root, finding: { path } }: Located): string[] =>
    path === undefined ? [] : (answers.get(root) ?? []).flatMap((found) => found.get(path) ?? []);
  const owned = processes.map((process) => ({
    ...process,
    findings: process.findings.map((located) => ({ ...located.finding, owners: ownersOf(located) })),
  }));
  return { owned, unreadDatabases };
}

function askAll(finders: readonly OwnerFinder[], paths: ReadonlySet<Bytes>, root: Bytes, untilMs: number) {
  return finders.map((one) => (performance.now() < untilMs ? one.ownersOf(paths, root, untilMs) : new Map()));
}
