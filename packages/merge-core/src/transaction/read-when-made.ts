import type { Bytes } from '@emplace/syscalls';
import { HERE, join, splitPath } from '../paths.ts';
import type { Plan } from '../plan/model.ts';
import type { Strategy } from '../strategy/strategy.ts';

/** Whether who brings an entry so reads all of it anyway. */
export function isReadWhenMade({ traits }: Strategy): boolean {
  return traits.staging === 'made' && traits.copies;
}

/** Tells the entries of the image, directories aside, that are read when they are staged as planned. */
export function readWhenMade(
  { placements, directories }: Plan,
  named: (rung: string) => Strategy,
): (path: Bytes) => boolean {
  const made = new Map<Bytes, 'entry' | 'tree'>();
  for (const { directory, name, rung, record, type } of placements) {
    const image = directories[directory]?.image;
    if (record !== undefined || image === undefined || !isReadWhenMade(named(rung))) continue;
    made.set(join(image, name), type === 'directory' ? 'tree' : 'entry');
  }
  // Those of one directory are asked for one after the other.
  let last: { readonly directory: Bytes; readonly isMade: boolean } | undefined;
  return (path) => {
    if (made.get(path) === 'entry') return true;
    const { parent } = splitPath(path);
    if (last?.directory !== parent) last = { directory: parent, isMade: isBelow(parent, made) };
    return last.isMade;
  };
}

function isBelow(directory: Bytes, made: ReadonlyMap<Bytes, 'entry' | 'tree'>): boolean {
  for (let here = directory; here !== HERE; here = splitPath(here).parent) if (made.get(here) === 'tree') return true;
  return false;
}
