/**
 * What becomes of each path of a package that goes (docs/PORTAGE.md, I). Reads only, and content only where a rule asks for it.
 *
 * Not guaranteed: that the tree is still the same when a verdict is carried out. Who removes looks again whether the entry is
 * that of `stat`, and takes "not empty" for an answer.
 */

import type { FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { isWithin } from '../paths.ts';
import type { Steps } from '../steps.ts';
import type { Contents, ContentsEntry } from './contents.ts';
import { type DigestFile, fileDigester } from './digests.ts';
import { ignoreGlobs } from './ignore-globs.ts';
import { isProblem, RealPaths } from './real-paths.ts';
import { UnmergeDraft } from './unmerge-draft.ts';
import type { Found, Unmerge, UnmergeReason, UnmergeRules } from './unmerge-model.ts';

/** Symlinks that nearly everything is reached through, whoever lists them (bug 423127). */
const LIBRARY_LINKS: readonly string[] = ['lib', 'usr/lib', 'usr/local/lib'];

/**
 * The verdicts on a package's entries.
 * @param entries all that CONTENTS has: see {@link wholeContents}
 * @throws SyscallError when the root cannot be read
 */
export function* decideUnmerge(
  entries: readonly ContentsEntry[],
  root: OpenDirectories,
  rules: UnmergeRules,
  fs: FsPort,
): Steps<Unmerge> {
  const real = new RealPaths(fs, root);
  const draft = new UnmergeDraft(real, root, rules, fs);
  const decide = decider(real, root, draft, rules, fileDigester(['md5'], fs));
  for (const entry of inPortagesOrder(entries)) {
    yield 'stoppable';
    decide(entry);
  }
  return yield* draft.finish();
}

/**
 * All entries, where every line could be read. A path that is missing from a torn list would be left behind, or worse: taken for nobody's.
 * @param where the file, for the message
 * @throws MergeError CONTENTS_DAMAGED with the numbers of the lines
 */
export function wholeContents({ entries, problems }: Contents, where: Bytes): readonly ContentsEntry[] {
  if (problems.length === 0) return entries;
  const shown = problems
    .slice(0, 20)
    .map(({ line, text, why }) => `${quoted(where)}, line ${line}: ${why}: ${quoted(text)}`);
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
  throw new MergeError('CONTENTS_DAMAGED', shown.join('\n'));
}

/** (I.1): by bytes, backwards. Of two lines with one path the later counts, as for Portage. */
function* inPortagesOrder(entries: readonly ContentsEntry[]): Generator<ContentsEntry, void, undefined> {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  for (let at = sorted.length - 1; at >= 0; at--) {
    const entry = sorted[at];
    if (entry !== undefined && entry.path !== sorted[at + 1]?.path) yield entry;
  }
}

/** The rules of I.2, the first that applies. */
function decider(
  real: RealPaths,
  root: OpenDirectories,
  draft: UnmergeDraft,
  rules: UnmergeRules,
  digest: DigestFile,
): (entry: ContentsEntry) => void {
  const matches = ignoreGlobs(rules.uninstallIgnore);
  const below = rules.prefix === '' ? 0 : rules.prefix.length + 1;

  const isInside = (path: Bytes): boolean => path !== rules.prefix && isWithin(path, rules.prefix);
  const isIgnored = (path: Bytes, stat: Stat): boolean => {
    const inside = path.slice(below) as Bytes;
    return matches(inside) || (stat.type === 'symlink' && LIBRARY_LINKS.includes(inside));
  };

  return (entry) => {
    const { path } = entry;
    if (!isInside(path)) return draft.keep(entry, path, '!prefix');
    const place = real.place(path);
    if (isProblem(place)) return draft.keepUnsafe(entry, place);
    const stat = place && real.stat(place);
    if (place === undefined || stat === undefined || draft.isGone(place.path)) return draft.keep(entry, path, '!found');
    const found: Found = { entry, place, stat };
    const keep = (reason: UnmergeReason): void => draft.keep(entry, place.path, reason, stat);
    if (!isInside(place.path)) return keep('!prefix');
    const asked = place.path === path ? [path] : [path, place.path];
    if (asked.some((one) => isIgnored(one, stat))) return keep('cfgpro');
    const behind = stat.type === 'symlink' ? real.follow(place) : undefined;
    const leadsTo = typeof behind === 'string' ? behind : undefined;
    if (asked.some(rules.isReplaced)) {
      if (
        leadsTo !== undefined &&
        (entry.type === 'sym' || entry.type === 'dir') &&
        asked.some(rules.isReplacedByDirectory)
      )
        draft.noteOrphanedLink(path, leadsTo);
      return keep('replaced');
    }
    // Where it leads is not looked at, and it is no more than a name: but not when others go through it.
    if (isProblem(behind) && asked.some((one) => rules.otherOwners(one).length > 0)) return keep('!unsafe');
    const isProtected = asked.some((one) => rules.isProtected(one, stat));
    const isDirectory = stat.type === 'directory' || leadsTo !== undefined;
    if (!rules.keepModified && !isDirectory && !isProtected) return draft.remove(found);
    const changed = whatChanged(found, isProtected, () => digest(root.at(place.directory), place.name).digests.md5);
    if (changed !== undefined) return keep(changed);
    if (stat.type === 'directory') draft.addDirectory(found);
    else if (leadsTo !== undefined) {
      // This package had a directory there: the symlink is that of whoever has it, or goes through it, as long as there is anybody.
      const owners = entry.type === 'dir' ? asked.flatMap(rules.otherOwners) : [];
      if (owners.length > 0) draft.keepLink(found, owners);
      else draft.addLink(found, leadsTo);
    } else draft.remove(found);
  };
}

/** (I.2f) to (I.2j): why an entry that is not removed whatever it is stays; undefined when it is what was merged. */
export function whatChanged(
  { entry, stat }: Pick<Found, 'entry' | 'stat'>,
  isProtected: boolean,
  md5: () => string | undefined,
): UnmergeReason | undefined {
  if ((entry.type === 'obj' || entry.type === 'sym') && stat.mtime.sec !== entry.mtime) return '!mtime';
  switch (entry.type) {
    case 'dir':
      if (stat.type === 'directory') return undefined;
      if (stat.type !== 'symlink') return '!dir';
      // Who put a symlink in a directory's place below /etc wants it there.
      return isProtected ? 'cfgpro' : undefined;
    case 'sym':
      return stat.type === 'symlink' ? undefined : '!sym';
    case 'obj':
      if (stat.type !== 'file') return '!obj';
      return md5() === entry.md5 ? undefined : '!md5';
    case 'fif':
      return stat.type === 'fifo' ? '' : '!fif';
    case 'dev':
      return '';
    default:
      return entry satisfies never;
  }
}
