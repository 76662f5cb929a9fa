import { askSite, type DirHandle, removeStaleBench, restoreTime, Workbench } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { checkAnswering } from '../answering.ts';
import { HERE, join } from '../paths.ts';
import type { Knowledge } from '../plan/knowledge.ts';
import type { PlannedSite } from '../plan/model.ts';
import { stagedName } from '../staged-names.ts';
import type { Steps } from '../steps.ts';
import { openBelow, openTarget, type Transaction, warnOfLeft } from './transaction.ts';

/**
 * Asks each site what the plan relies on there, with real files in a private directory on either side: mount ids
 * and names of file systems say what should work, the calls themselves what does. The journal is there already, so a
 * merge that is killed in the middle of it leaves nothing that recovery does not find.
 *
 * @returns false when something came out otherwise: `knowledge` has it now, and the plan must be made again.
 */
export function* measureSites(t: Transaction, knowledge: Knowledge): Steps<boolean> {
  let asPlanned = true;
  // The root itself was asked before the lock was taken in it.
  const answering = new Set([t.fs.stat(t.root.at(HERE), HERE)?.mountId]);
  for (const [index, planned] of t.plan.sites.entries()) {
    const known = knowledge.of(planned.site);
    const unknown = [...planned.relies].filter((name) => known[name] === undefined);
    if (unknown.length === 0) continue;
    checkSides(t, planned, answering);
    const names = benchNames(t, index);
    const source = sourceOf(t, planned);
    using bench = new Workbench(source.dir, t.root.at(planned.target), names, t.fs, (side, name, why) =>
      warnOfLeft(t, side === 'source' ? join(source.path, name) : join(planned.target, name), why),
    );
    for (const name of unknown) {
      const fact = askSite(name, bench);
      knowledge.learn(planned.site, name, fact);
      if (fact.answer === 'no') asPlanned = false;
      yield 'stoppable';
    }
  }
  return asPlanned;
}

/** Both mounts of a site, each asked once. */
function checkSides(t: Transaction, planned: PlannedSite, answering: Set<number | undefined>): void {
  const { site, target } = planned;
  const sides = [
    { mountId: site.source.mountId, ...sourceOf(t, planned) },
    { mountId: site.target.mountId, dir: t.root.at(target), path: target },
  ];
  for (const { mountId, dir, path } of sides) {
    if (!answering.has(mountId)) checkAnswering(dir, path, t.fs);
    answering.add(mountId);
  }
}

/** Where entries come from at a site: from a directory of the image, or from the root itself. */
function sourceOf(t: Transaction, { image, target }: PlannedSite): { readonly dir: DirHandle; readonly path: Bytes } {
  if (image === undefined || t.image === undefined) return { dir: t.root.at(target), path: target };
  return { dir: t.image.at(image.path), path: inImage(t, image.path, HERE) };
}

function benchNames(t: Transaction, index: number): { source: Bytes; target: Bytes } {
  const name = (number: number): Bytes => stagedName(t.plan.transaction, 'p', number, ascii(''));
  return { source: name(2 * index), target: name(2 * index + 1) };
}

/**
 * Removes what a killed merge may have left of its questions: only directories of ours with nothing in them but what
 * questions make. Somebody who may write to the directory may have put another one in its place (J10).
 */
export function removeBenches(t: Transaction): void {
  const remove = (dir: DirHandle | undefined, name: Bytes, path: Bytes): void => {
    const left = dir && removeStaleBench(dir, name, t.fs);
    if (left !== undefined) warnOfLeft(t, path, left);
  };
  for (const [index, { image, target }] of t.plan.sites.entries()) {
    const names = benchNames(t, index);
    remove(openTarget(t, target), names.target, join(target, names.target));
    if (image === undefined) remove(openTarget(t, target), names.source, join(target, names.source));
    else remove(openBelow(t.image, image.path), names.source, inImage(t, image.path, names.source));
  }
}

/** The path of a name in a directory of the image. */
function inImage(t: Transaction, image: Bytes, name: Bytes): Bytes {
  return [t.plan.image?.path, image, name].filter((part) => part !== undefined && part !== '').join('/') as Bytes;
}

/** Directories of the image get their times back: a merge that is tried again may hand them on. */
export function restoreImageTimes(t: Transaction): void {
  for (const { image } of t.plan.sites) {
    const dir = image && openBelow(t.image, image.path);
    if (image !== undefined && dir !== undefined) restoreTime(dir, image.mtime, t.fs);
  }
}
