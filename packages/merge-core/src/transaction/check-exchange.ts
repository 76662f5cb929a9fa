import { ascii, isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { HERE } from '../paths.ts';
import type { Placement } from '../plan/model.ts';
import { stagedName } from '../staged-names.ts';
import { withPinned } from './finish.ts';
import { ignoring } from './remove-tree.ts';
import { directoryOf, type Transaction, targetPath } from './transaction.ts';

/**
 * Asks each file system of the root whether it can exchange two names, before a placement counts on it: with two
 * probe files beside the first target there. Where it cannot (NFS, old FUSE), undo is a link or a copy instead.
 *
 * @throws MergeError EXCHANGE_UNSUPPORTED when a directory and a non-directory were to be swapped there.
 */
export function checkExchange(t: Transaction, links: boolean): void {
  const works = new Map<number, string | undefined>();
  for (const placement of t.plan.placements) {
    if (placement.undo !== 'exchange') continue;
    const dir = t.root.at(directoryOf(t, placement).target);
    const mount = t.fs.stat(dir, HERE)?.mountId ?? 0;
    if (!works.has(mount)) works.set(mount, exchangeRefusal(t, placement));
    const errno = works.get(mount);
    if (errno === undefined) continue;
    if (placement.action === 'swap') {
      throw new MergeError(
        'EXCHANGE_UNSUPPORTED',
        `${quoted(targetPath(t, placement))} cannot be swapped with what is there: RENAME_EXCHANGE gives ${errno}`,
      );
    }
    placement.undo = links ? 'link' : 'copy';
  }
}

function exchangeRefusal(t: Transaction, placement: Placement): string | undefined {
  const { fs } = t;
  const dir = t.root.at(directoryOf(t, placement).target);
  const before = fs.stat(dir, HERE);
  const [a, b] = probeNames(t);
  fs.closeFile(fs.createFile(dir, a, 0o600));
  fs.closeFile(fs.createFile(dir, b, 0o600));
  try {
    fs.exchange(dir, a, dir, b);
    return undefined;
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'ENOSYS', 'EOPNOTSUPP')) return error.code;
    throw error;
  } finally {
    removeProbes(t, placement);
    if (before !== undefined) withPinned(t, { dir, name: HERE }, (pinned) => fs.setTimes(pinned, before.mtime));
  }
}

function probeNames(t: Transaction) {
  return [0, 1].map((index) => stagedName(t.plan.transaction, 'p', index, ascii(''))) as [
    ReturnType<typeof ascii>,
    ReturnType<typeof ascii>,
  ];
}

/** What a killed merge may have left of the question, beside any placement that asked it. */
export function removeProbes(t: Transaction, placement: Placement): void {
  const dir = t.root.at(directoryOf(t, placement).target);
  for (const name of probeNames(t)) ignoring(() => t.fs.unlink(dir, name), 'ENOENT');
}
