import type { EntryType, FactName, SiteFacts, Stat, Xattrs } from '@emplace/fsprobe';
import { type Bytes, show } from '@emplace/syscalls';

/** What an entry can lose where its target's file system cannot carry it, and the caller may accept to lose. */
export const losable = ['owner', 'mode', 'xattr', 'time', 'hardlink'] as const;

export type Losable = (typeof losable)[number];

/** What of one entry would be lost. `entry`: all of it, for the file system has no such thing. */
export interface Loss {
  readonly what: Losable | 'entry';
  /** For people: `its owner 5:6`. */
  readonly which: string;
}

/** What must be known of a target's file system before anything is made anew there. */
export const carryFacts: readonly FactName[] = [
  ...(['owner', 'mode', 'nanoseconds', 'seconds'] as const),
  ...(['userXattr', 'trustedXattr', 'capability', 'acl'] as const),
];

/** What all entries of a site lose, as far as that is accepted: no difference that counts. */
export interface LostThere {
  readonly owner: boolean;
  readonly mode: boolean;
  readonly xattr: (key: Bytes) => boolean;
  readonly hardlink: boolean;
}

export const nothingLost: LostThere = { owner: false, mode: false, xattr: () => false, hardlink: false };

export function lostThere(facts: SiteFacts, lossy: readonly Losable[]): LostThere {
  const isLost = (what: Losable, fact: FactName): boolean => lossy.includes(what) && facts[fact]?.answer === 'no';
  const lostXattrs = xattrFacts.filter(([, fact]) => isLost('xattr', fact));
  return {
    owner: isLost('owner', 'owner'),
    mode: isLost('mode', 'mode'),
    xattr: (key) => isLostXattr(key, lostXattrs),
    hardlink: isLost('hardlink', 'hardLink'),
  };
}

/** Each of these, answered with no, takes something from some entry. */
export const losingFacts: readonly FactName[] = [...carryFacts, 'symlink', 'fifo', 'device', 'hardLink', 'anyName'];

/** Adds what else must be known to make one entry anew. */
export function noteFacts(facts: Set<FactName>, name: Bytes, { type, nlink }: Pick<Stat, 'type' | 'nlink'>): void {
  const own = ownFact[type];
  if (own !== undefined) facts.add(own);
  if (type !== 'directory' && nlink > 1) facts.add('hardLink');
  if (isOdd(name)) facts.add('anyName');
}

const ownFact: Readonly<Partial<Record<EntryType, FactName>>> = {
  symlink: 'symlink',
  fifo: 'fifo',
  char: 'device',
  block: 'device',
};

/** What vfat and its like refuse or change: control and other than ASCII bytes, their wildcards, a dot or space at the end. */
function isOdd(name: Bytes): boolean {
  return /[^\x20-\x7e]|["*:<>?\\|]|[. ]$/.test(name);
}

/** What an entry would lose. `xattrs` is asked only where they matter; `gids` are groups that we may give it to. */
export function lossesOf(
  name: Bytes,
  stat: Stat,
  xattrs: () => Xattrs,
  facts: SiteFacts,
  gids: readonly number[],
): Loss[] {
  const losses: Loss[] = [];
  const own = new Set<FactName>();
  noteFacts(own, name, stat);
  for (const fact of own) {
    if (facts[fact]?.answer !== 'no') continue;
    if (fact === 'hardLink') losses.push({ what: 'hardlink', which: 'its hard links' });
    else losses.push({ what: 'entry', which: fact === 'anyName' ? 'its name' : `being a ${stat.type}` });
  }
  losses.push(...ownerAndMode(stat, facts, gids), ...time(stat, facts));
  const lostXattrs = xattrFacts.filter(([, fact]) => facts[fact]?.answer === 'no');
  if (lostXattrs.length === 0) return losses;
  for (const key of xattrs().keys()) {
    if (isLostXattr(key, lostXattrs)) losses.push({ what: 'xattr', which: `its \`${show(key)}\`` });
  }
  return losses;
}

/** Of a kind that was asked for, or of any other where the file system has not even a user's. */
function isLostXattr(key: Bytes, lost: typeof xattrFacts): boolean {
  const known = xattrFacts.some(([pattern]) => pattern.test(key));
  return lost.some(([pattern, fact]) => pattern.test(key) || (!known && fact === 'userXattr'));
}

const xattrFacts: readonly (readonly [RegExp, FactName])[] = [
  [/^user\./, 'userXattr'],
  [/^trusted\./, 'trustedXattr'],
  [/^security\.capability$/, 'capability'],
  [/^system\.posix_acl_/, 'acl'],
];

/** A file system without owners or modes gives all entries the same: some have these anyway. */
function ownerAndMode({ type, uid, gid, mode }: Stat, facts: SiteFacts, gids: readonly number[]): Loss[] {
  const losses: Loss[] = [];
  const { owner, mode: modes } = facts;
  // Without the right to give entries away (EPERM) a group of our own is still ours to give.
  const ours = owner?.answer === 'no' && owner.errno === 'EPERM' && gids.includes(gid);
  if (owner?.answer === 'no' && (owner.instead?.uid !== uid || (owner.instead.gid !== gid && !ours)))
    losses.push({ what: 'owner', which: `its owner ${uid}:${gid}` });
  if (modes?.answer !== 'no' || type === 'symlink') return losses;
  const instead = type === 'directory' ? modes.instead?.directoryMode : modes.instead?.fileMode;
  if (instead !== mode) losses.push({ what: 'mode', which: `its mode ${mode.toString(8).padStart(4, '0')}` });
  return losses;
}

/** Coarse times are whole seconds, or even ones. */
function time({ mtime }: Stat, { nanoseconds, seconds }: SiteFacts): Loss[] {
  const fraction = nanoseconds?.answer === 'no' && mtime.nsec !== 0;
  const odd = seconds?.answer === 'no' && mtime.sec % 2 !== 0;
  return fraction || odd ? [{ what: 'time', which: `its time to the ${odd ? 'second' : 'nanosecond'}` }] : [];
}
