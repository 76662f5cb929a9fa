import type { Bytes } from '@emplace/syscalls';
import { quoted } from '../errors.ts';
import type { Draft } from '../plan/draft.ts';
import type { Ownership } from './ownership.ts';
import { showPackage } from './package-name.ts';
import type { CollisionPolicy } from './package-request.ts';

/**
 * Files of the root that a package would overwrite and does not own (E.5). All are told at once, each with its owners. A file that
 * belongs to nobody may be overwritten, but not one of which nobody can tell.
 */
export function tellCollisions(
  paths: readonly Bytes[],
  policy: CollisionPolicy,
  ownership: Pick<Ownership, 'ownersOf' | 'untold'>,
  draft: Draft,
): void {
  if (paths.length === 0 || policy === 'ignore') return;
  const owned = paths.map((path) => ({ path, owners: ownership.ownersOf(path) }));
  const isAsked = policy === 'protect-owned';
  const doubts = isAsked && owned.some(({ owners }) => owners.length === 0) ? ownership.untold() : [];
  const isRefused =
    policy === 'refuse' || doubts.length > 0 || (isAsked && owned.some(({ owners }) => owners.length > 0));
  const nobody = doubts.length > 0 ? 'belongs to no package that is known' : 'belongs to no package';
  for (const { path, owners } of owned) {
    const whose = owners.length === 0 ? nobody : `belongs to ${owners.map(showPackage).join(', ')}`;
    if (isRefused) draft.refuse('FILE_COLLISION', path, whose);
    else draft.warn('OVERWRITTEN', `${quoted(path)} ${whose}: it is overwritten`, path);
  }
  for (const { code, path, message } of doubts) draft.refuseAs(code, path, message);
}
