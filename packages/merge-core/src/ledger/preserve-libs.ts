/**
 * Shared libraries of an old version that others still need, though the new version has no such library any more
 * (docs/PORTAGE.md, A.14). They stay, are listed in the new version's CONTENTS, and stand in Portage's registry of
 * preserved libraries until nothing needs them.
 *
 * Not guaranteed: libraries that a program opens by name while it runs (dlopen), and programs that no package owns: no
 * NEEDED.ELF.2 tells of those.
 */

import type { Bytes } from '@emplace/syscalls';
import { splitPath } from '../paths.ts';
import type { ElfObject } from './libraries/needed.ts';

export interface PreserveQuestion {
  /** Programs and libraries that will be there: of all other packages and of the new version. */
  readonly staying: Iterable<ElfObject>;
  /** Those of the old version that would go. */
  readonly leaving: readonly ElfObject[];
  /** Symlinks of the old version that would go, and the paths in the root that they lead to. */
  readonly links: ReadonlyMap<Bytes, Bytes>;
  /** Where every program looks: see libraryPath. */
  readonly libraryPath: readonly Bytes[];
  /** Equal for two paths of one directory: `lib64` and `usr/lib64` where one is a symlink. */
  identify(directory: Bytes): unknown;
}

/**
 * The paths to keep, sorted: libraries, and the symlinks by whose names they are needed. A library is needed when a
 * program or library that stays, or is kept itself, needs its soname, looks in its directory, and finds no other of
 * that name among those that stay.
 */
export function librariesToKeep(question: PreserveQuestion): Bytes[] {
  const { leaving, links, identify } = question;
  const staying = [...question.staying];
  const usual = new Set(question.libraryPath.map(identify));
  const keys = new Map<Bytes, unknown>();
  const directoryOf = ({ path }: ElfObject): unknown => {
    const { parent } = splitPath(path);
    if (!keys.has(parent)) keys.set(parent, identify(parent));
    return keys.get(parent);
  };
  const provided = bySoname(staying);
  const offered = bySoname(leaving);

  const kept = new Set<ElfObject>();
  const consumers = [...staying];
  for (let consumer = consumers.pop(); consumer !== undefined; consumer = consumers.pop()) {
    const own = new Set(consumer.runpath.map(identify));
    const isFound = (library: ElfObject): boolean =>
      isAlike(consumer as ElfObject, library) && (usual.has(directoryOf(library)) || own.has(directoryOf(library)));
    for (const soname of consumer.needed) {
      const candidates = offered.get(soname)?.filter(isFound) ?? [];
      if (candidates.length === 0 || provided.get(soname)?.some(isFound) === true) continue;
      for (const library of candidates) {
        if (kept.has(library)) continue;
        kept.add(library);
        consumers.push(library);
      }
    }
  }
  return withLinks(kept, links);
}

function bySoname(objects: readonly ElfObject[]): ReadonlyMap<Bytes, readonly ElfObject[]> {
  return Map.groupBy(
    objects.filter(({ soname }) => soname !== ''),
    ({ soname }) => soname,
  );
}

/** Of one ABI. A line of an older Portage does not say which: then the machine decides. */
function isAlike(a: ElfObject, b: ElfObject): boolean {
  return a.machine === b.machine && (a.abi === b.abi || a.abi === '' || b.abi === '');
}

/** Other symlinks, as `libz.so`, serve whoever compiles: the new version's. */
function withLinks(kept: ReadonlySet<ElfObject>, links: ReadonlyMap<Bytes, Bytes>): Bytes[] {
  const sonames = new Map(Array.from(kept, ({ path, soname }) => [path, soname]));
  const needed = Array.from(links).filter(([path, target]) => sonames.get(target) === splitPath(path).name);
  return [...sonames.keys(), ...needed.map(([path]) => path)].sort();
}
