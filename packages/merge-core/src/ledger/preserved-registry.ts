import { type Bytes, show, toBuffer, toBytes } from '@emplace/syscalls';
import { type Problem, quoted, quotedText, refuse } from '../errors.ts';
import { type PackageName, showPackage } from './package-name.ts';
import { damaged } from './read-below.ts';

/** Libraries that a package keeps for others though they are not of its version. */
export interface Preserved {
  /** `CATEGORY/PN:SLOT` */
  readonly slot: string;
  /** `CATEGORY/PF` of the version whose CONTENTS lists them, and its COUNTER. */
  readonly package: string;
  readonly counter: string;
  /** Below the root. */
  readonly paths: readonly Bytes[];
}

/**
 * Portage's registry, `var/lib/portage/preserved_libs_registry`: an object of `"SLOT": [PACKAGE, COUNTER, [PATH…]]`.
 * An empty file is an empty registry.
 * @param at its path, for the error
 * @throws MergeError VDB_DAMAGED for what is not that
 */
export function parseRegistry(content: Buffer, at: Bytes): Preserved[] {
  const text = content.toString('utf8');
  if (text.trim() === '') return [];
  try {
    const registry: unknown = JSON.parse(text);
    if (typeof registry !== 'object' || registry === null || Array.isArray(registry))
      throw new TypeError('it has to be an object');
    return Object.entries(registry).map(([slot, entry]) => preservedOf(slot, entry));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    throw refuse([damaged(at, `${quoted(at)} is no registry of preserved libraries: ${show(toBytes(cause.message))}`)]);
  }
}

function preservedOf(slot: string, entry: unknown): Preserved {
  const [name, counter, paths] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const isWhole = Array.isArray(paths) && paths.every((path) => typeof path === 'string' && path.startsWith('/'));
  // Portage has written the counter both ways.
  if (typeof name !== 'string' || !(typeof counter === 'string' || typeof counter === 'number') || !isWhole)
    throw new TypeError(`the entry of ${quotedText(slot)} has to be [PACKAGE, COUNTER, [PATH…]]`);
  return {
    slot,
    package: name,
    counter: String(counter),
    paths: paths.map((path) => toBytes((path as string).slice(1))),
  };
}

/** As Portage writes it: sorted, indented by tabs. @throws MergeError VDB_DAMAGED for a path that is not UTF-8: JSON has none */
export function formatRegistry(registry: readonly Preserved[], at: Bytes): Buffer {
  const problems: Problem[] = [];
  const textOf = (path: Bytes): string => {
    const text = `/${toBuffer(path).toString('utf8')}`;
    if (toBytes(text.slice(1)) !== path)
      problems.push(damaged(at, `${quoted(at)} cannot hold ${quoted(path)}: it is not UTF-8`));
    return text;
  };
  const sorted = registry.toSorted((a, b) => (a.slot < b.slot ? -1 : 1));
  const entries = sorted.map(({ slot, package: name, counter, paths }) => [slot, [name, counter, paths.map(textOf)]]);
  if (problems.length > 0) throw refuse(problems);
  return Buffer.from(JSON.stringify(Object.fromEntries(entries), undefined, '\t'));
}

/**
 * The registry after a merge (A.17): `paths` are what the package keeps for others from now on, and what it keeps itself
 * nobody else keeps any more.
 */
export function register(
  registry: readonly Preserved[],
  name: PackageName,
  slot: string,
  counter: number,
  paths: readonly Bytes[],
): Preserved[] {
  const key = `${name.category}/${name.pn}:${slot}`;
  const others = unregister(
    registry.filter((one) => one.slot !== key),
    new Set(paths),
  );
  if (paths.length === 0) return others;
  return [...others, { slot: key, package: showPackage(name), counter: String(counter), paths: [...paths].sort() }];
}

/** Without paths that a package brought anew, or that are gone. */
export function unregister(registry: readonly Preserved[], paths: Pick<ReadonlySet<Bytes>, 'has'>): Preserved[] {
  return registry
    .map((one) => ({ ...one, paths: one.paths.filter((path) => !paths.has(path)) }))
    .filter((one) => one.paths.length > 0);
}
