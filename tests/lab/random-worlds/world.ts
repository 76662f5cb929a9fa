/** Worlds to merge in: an image, a root and what is asked of the merge, as plain data that can be kept in a file. */
import type { EntryType } from '@emplace/merge-core';
import fc from 'fast-check';

/** Names, targets and contents are bytes, one a character. */
export interface Entry {
  readonly path: string;
  readonly type: EntryType;
  /** File content or symlink target. */
  readonly content?: string;
  /** Blocks of nothing before the content: a hole. */
  readonly hole?: number;
  readonly mode?: number;
  readonly owner?: number;
  /** Seconds and nanoseconds. */
  readonly time?: readonly [number, number];
  readonly xattrs?: Readonly<Record<string, string>>;
  /** An earlier path: this one is a hard link to it. */
  readonly link?: string;
}

/** The switches of a merge. */
export interface Asked {
  readonly strategy: string;
  readonly hardlink: boolean;
  readonly keepImage: boolean;
  readonly replaceTypes: boolean;
  readonly directories: 'keep' | 'image';
  readonly exclude: readonly string[];
  readonly undo: 'auto' | 'none';
}

export interface World {
  readonly old: readonly Entry[];
  readonly fresh: readonly Entry[];
  /** Image and root lie on two file systems. */
  readonly apart: boolean;
  readonly asked: Asked;
  /** Before which call it is stopped: the rest when divided by how many there are. */
  readonly stop: number;
}

const LONG = 255;

/** Few names, so that image and root meet often; some that a careless engine would trip over; and any bytes at all. */
const name = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('a', 'b', 'c', 'lib', 'lib.so.1', 'etc') },
  {
    weight: 4,
    arbitrary: fc.constantFrom('\xff\n', '-x', ' (deleted)', '.a.emplace-abcdefgh-x0', '\x1b[31m', '..a', '*'),
  },
  { weight: 1, arbitrary: fc.constantFrom('n'.repeat(LONG), `${'\xe9'.repeat(LONG - 1)}1`) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 12 })
      .map((bytes) => String.fromCharCode(...bytes).replaceAll('/', '_'))
      .filter((text) => text !== '.' && text !== '..'),
  },
);

const TIMES: readonly (readonly [number, number])[] = [
  [1_500_000_000, 0],
  [1_600_000_000, 999_999_999],
  [0, 5],
];
const time = fc.constantFrom(...TIMES);
const owner = fc.constantFrom(0, 0, 0, 0, 1000);
/** A capability as the kernel keeps it (struct vfs_cap_data, revision 2). */
const capability = `\x01\0\0\x02\0\x04${'\0'.repeat(14)}`;

/** Often none. */
const attributes = (...some: Readonly<Record<string, string>>[]): fc.Arbitrary<Readonly<Record<string, string>>> =>
  fc.constantFrom({}, {}, {}, ...some);

const file = fc.record(
  {
    type: fc.constant('file' as const),
    content: fc.constantFrom('', '1', '1', '2', 'x'.repeat(5000)),
    hole: fc.constantFrom(0, 0, 0, 0, 0, 3),
    mode: fc.constantFrom(0o644, 0o644, 0o755, 0o755, 0o4755, 0o2755, 0o6711, 0o1600, 0),
    owner,
    time,
    xattrs: attributes(
      { 'user.a': '1' },
      { 'trusted.b': '\0\xff', 'user.a': '2' },
      { 'security.capability': capability },
    ),
  },
  { requiredKeys: ['type', 'content', 'mode', 'owner', 'time'] },
);

const directory = fc.record(
  {
    type: fc.constant('directory' as const),
    mode: fc.constantFrom(0o755, 0o755, 0o755, 0o700, 0o1777, 0o777, 0o2775, 0),
    owner,
    time,
    xattrs: attributes({ 'user.a': '1' }),
  },
  { requiredKeys: ['type', 'mode', 'owner', 'time'] },
);

/** They lead up, down, to each other, to themselves, out of the root and nowhere. */
const symlink = fc.record(
  {
    type: fc.constant('symlink' as const),
    content: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'lib', '/a', '/lib', '/etc', '../b', 'a/b') },
      { weight: 1, arbitrary: fc.constantFrom('.', '/', '..', '../../..', 'nowhere', '/../lib/./', 'a/..', '\xff\n') },
    ),
    owner,
    time,
    xattrs: attributes({ 'trusted.b': '1' }),
  },
  { requiredKeys: ['type', 'content', 'owner', 'time'] },
);

const node = fc.record({
  type: fc.constantFrom('fifo', 'fifo', 'char', 'block', 'socket') as fc.Arbitrary<EntryType>,
  mode: fc.constantFrom(0o644, 0o600),
  owner,
  time,
});

const proposal = fc.record({
  parent: fc.nat(),
  name,
  entry: fc.oneof(
    { weight: 8, arbitrary: file as fc.Arbitrary<Omit<Entry, 'path'>> },
    { weight: 3, arbitrary: symlink },
    { weight: 2, arbitrary: node },
    { weight: 9, arbitrary: directory },
  ),
  link: fc.option(fc.nat(), { freq: 5 }),
  /** So many of it: a directory below itself, anything else beside itself. */
  times: fc.oneof({ weight: 40, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 40 }) }),
});

/** A list of entries whose parents are directories that stand earlier in it. Some are hard links to earlier ones. */
const tree: fc.Arbitrary<Entry[]> = fc.array(proposal, { maxLength: 16 }).map((proposals) => {
  const entries: Entry[] = [];
  const taken = new Set<string>();
  const directories = [''];
  const linkable: Entry[] = [];
  const add = (entry: Entry): boolean => {
    if (taken.has(entry.path)) return false;
    taken.add(entry.path);
    entries.push(entry);
    if (entry.type === 'directory') directories.push(entry.path);
    else if (entry.link === undefined && entry.type !== 'socket') linkable.push(entry);
    return true;
  };
  for (const { parent, name: last, entry, link, times } of proposals) {
    const above = directories[parent % directories.length] ?? '';
    const existing = link === null || entry.type === 'directory' ? undefined : linkable[link % linkable.length];
    const path = above === '' ? last : `${above}/${last}`;
    if (existing !== undefined) add({ path, type: existing.type, link: existing.path });
    else if (entry.type === 'directory')
      for (let at = path, n = 0; n < times && add({ path: at, ...entry }); n++) at = `${at}/d`;
    else
      for (let n = 0; n < times; n++)
        add({ path: n === 0 ? path : `${path.slice(0, path.length - last.length)}${n}`, ...entry });
  }
  return entries;
});

const asked: fc.Arbitrary<Asked> = fc.record({
  strategy: fc.constantFrom('auto', 'auto', 'auto', 'rename', 'double-rename', 'hardlink', 'reflink', 'copy'),
  hardlink: fc.constantFrom(true, true, false),
  keepImage: fc.constantFrom(false, false, true),
  replaceTypes: fc.constantFrom(true, true, false),
  directories: fc.constantFrom('keep', 'image'),
  exclude: fc.oneof(
    { weight: 3, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.subarray(['c', '/b', 'etc/*', '*.so.*'], { minLength: 1, maxLength: 2 }) },
  ),
  undo: fc.constantFrom('auto', 'auto', 'auto', 'none'),
});

export const worlds: fc.Arbitrary<World> = fc.record({
  old: tree,
  fresh: tree,
  apart: fc.constantFrom(false, false, false, true),
  asked,
  stop: fc.nat(),
});
