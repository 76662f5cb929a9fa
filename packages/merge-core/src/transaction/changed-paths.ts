import type { Bytes } from '@emplace/syscalls';
import type { Operation } from '../hooks/hook.ts';
import { join } from '../paths.ts';
import { excluder } from '../plan/exclude.ts';
import { directoryOf, eachPlacement, type Transaction, targetPath } from './transaction.ts';

/** A path below the root, and whether it is new there. */
export interface ChangedPath {
  readonly path: Bytes;
  readonly operation: Operation;
}

/**
 * Every path of the root that the merge will make or replace, parents before what is in them; what a directory holds
 * that goes in as a whole is read from the image.
 */
export function* changedPaths(t: Transaction): Generator<ChangedPath> {
  const excluded = excluder(t.plan);
  for (const { action, target } of t.plan.directories) {
    if (action === 'make' || action === 'adopt')
      yield { path: target, operation: action === 'make' ? 'install' : 'upgrade' };
  }
  for (const [, placement] of eachPlacement(t)) {
    // What the ledger writes is no part of any package.
    if (placement.record !== undefined) continue;
    const target = targetPath(t, placement);
    yield { path: target, operation: placement.old === undefined ? 'install' : 'upgrade' };
    const parent = directoryOf(t, placement).image;
    if (placement.type !== 'directory' || t.image === undefined || parent === undefined) continue;
    const pending = [{ image: join(parent, placement.name), target }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const dir = t.image.at(next.image);
      const entries = t.fs.list(dir).map(({ name, type }) => ({ name, type: type ?? t.fs.stat(dir, name)?.type }));
      for (const { name, type } of entries) {
        const below = { image: join(next.image, name), target: join(next.target, name) };
        if (type === undefined || type === 'socket' || excluded(below.image)) continue;
        yield { path: below.target, operation: 'install' };
        if (type === 'directory') pending.push(below);
      }
    }
  }
  for (const removal of t.plan.removals)
    if (removal.old.type !== 'directory') yield { path: targetPath(t, removal), operation: 'remove' };
}
