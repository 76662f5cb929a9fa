import type { DirHandle, FactName, FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { HERE, join } from '../paths.ts';
import type { Steps } from '../steps.ts';
import { noteFacts } from './carry.ts';
import type { Excluded } from './exclude.ts';
import { unreadable } from './permissions.ts';

/** What a directory of the image holds, itself included: enough to decide whether it can go in as a whole. */
export interface Survey {
  /** Entries that will be placed. */
  entries: number;
  /** Content of its regular files, bytes. */
  bytes: number;
  /** What a copy of them takes, bytes: without holes, each inode once. */
  allocated: number;
  /** Excluded or never merged. */
  skipped: number;
  readonly sockets: Bytes[];
  /** One for each name of an inode that has several. */
  readonly linked: Stat[];
  /** What must be known of a file system to make all of it anew there. */
  readonly facts: Set<FactName>;
  /** A path inside that keeps it from being renamed as a whole: excluded, a socket. */
  stays: Bytes | undefined;
  /** A path inside that lies on another mount: what works there is another question. */
  crosses: Bytes | undefined;
}

/** The surveys of a directory and of all directories below it, by path below the image. */
export type Surveys = ReadonlyMap<Bytes, Survey>;

/** Walks a whole subtree once. Reads only. With `refuse` each file is opened too, and those are told that cannot be. */
export function* surveyTree(
  image: DirHandle,
  top: Bytes,
  topStat: Stat,
  excluded: Excluded,
  isRoot: (stat: Stat) => boolean,
  refuse: ((path: Bytes, why: string) => void) | undefined,
  fs: FsPort,
): Steps<Surveys> {
  const surveys = new Map<Bytes, Survey>();
  const order: { parent: Survey | undefined; survey: Survey }[] = [];
  const pending: { path: Bytes; stat: Stat; parent: Survey | undefined }[] = [
    { path: top, stat: topStat, parent: undefined },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield 'stoppable';
    const { path, stat, parent } = next;
    // A bind mount of the root in the image: it would be merged into itself.
    if (isRoot(stat)) throw new MergeError('OVERLAPPING_TREES', `${quoted(path)} in the image is the root itself`);
    const survey: Survey = {
      entries: 1,
      bytes: 0,
      allocated: 0,
      skipped: 0,
      sockets: [],
      linked: [],
      facts: new Set(),
      stays: undefined,
      crosses: undefined,
    };
    surveys.set(path, survey);
    order.push({ parent, survey });
    const dir = fs.openDir(image, path);
    try {
      for (const { name } of fs.list(dir)) {
        const entry = join(path, name);
        if (excluded(entry)) {
          survey.skipped++;
          survey.stays ??= entry;
          continue;
        }
        const child = fs.stat(dir, name);
        if (child === undefined) continue;
        if (child.mountId !== stat.mountId || child.dev !== stat.dev) survey.crosses ??= entry;
        noteFacts(survey.facts, name, child);
        if (child.type === 'directory') pending.push({ path: entry, stat: child, parent: survey });
        else addLeaf(survey, entry, child);
        const why = refuse !== undefined && child.type === 'file' ? unreadable(dir, name, fs) : undefined;
        if (why !== undefined) refuse?.(entry, why);
      }
    } finally {
      fs.closeDir(dir);
    }
  }
  // Children come after their parents: backwards, each is complete when it is added to its own.
  for (const { parent, survey } of order.reverse()) if (parent !== undefined) addSubtree(parent, survey);
  return surveys;
}

function addLeaf(survey: Survey, path: Bytes, stat: Stat): void {
  if (stat.type === 'socket') {
    survey.skipped++;
    survey.sockets.push(path);
    survey.stays ??= path;
    return;
  }
  survey.entries++;
  if (stat.type === 'file') survey.bytes += stat.size;
  if (stat.type === 'file') survey.allocated += Math.min(stat.size, stat.blocks * 512) / stat.nlink;
  if (stat.nlink > 1) survey.linked.push(stat);
}

function addSubtree(parent: Survey, child: Survey): void {
  parent.entries += child.entries;
  parent.bytes += child.bytes;
  parent.allocated += child.allocated;
  parent.skipped += child.skipped;
  for (const path of child.sockets) parent.sockets.push(path);
  for (const stat of child.linked) parent.linked.push(stat);
  for (const fact of child.facts) parent.facts.add(fact);
  parent.stays ??= child.stays;
  parent.crosses ??= child.crosses;
}

/** stat of an open directory itself. */
export function statDirectory(dir: DirHandle, fs: Pick<FsPort, 'stat'>): Stat {
  const stat = fs.stat(dir, HERE);
  if (stat === undefined) throw new Error('bug: an open directory has no stat');
  return stat;
}
