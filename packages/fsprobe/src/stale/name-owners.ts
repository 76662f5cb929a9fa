import type { Bytes } from '@emplace/syscalls';
import type { Located } from './inspect.ts';
import type { OwnerFinder, ScannedProcess } from './model.ts';

export interface Unowned extends Omit<ScannedProcess, 'findings'> {
  readonly findings: readonly Located[];
}

/** Puts the packages to all paths found. Each finder is asked once for each root. */
export function nameOwners(processes: readonly Unowned[], finders: readonly OwnerFinder[]): ScannedProcess[] {
  const asked = new Map<Bytes, Set<Bytes>>();
  for (const { root, finding } of processes.flatMap(({ findings }) => findings)) {
    if (finding.path !== undefined) asked.set(root, (asked.get(root) ?? new Set()).add(finding.path));
  }
  const answers = new Map(
    Array.from(asked, ([root, paths]) => [root, finders.map((one) => one.ownersOf(paths, root))]),
  );
  const ownersOf = ({ root, finding: { path } }: Located): string[] =>
    path === undefined ? [] : (answers.get(root) ?? []).flatMap((found) => found.get(path) ?? []);
  return processes.map((process) => ({
    ...process,
    findings: process.findings.map((located) => ({ ...located.finding, owners: ownersOf(located) })),
  }));
}
