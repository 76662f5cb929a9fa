/** A merge ends right, or is refused, whatever file systems the image and the root lie on. */
import {
  bigTreeEntries,
  type ComparedAttribute,
  compareTrees,
  directory,
  file,
  overlay,
  snapshotTree,
  type TemporaryDirectory,
  temporaryDirectory,
  writeTree,
} from '@emplace/fixtures';
import { LIKE_VFAT, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { probeSite } from '@emplace/fsprobe';
import { losable, type MergeError } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';
import { everyKind } from '../src/file-systems/every-kind.ts';
import { merge, mergeAndCompare, type Outcome, refusal } from '../src/file-systems/merging.ts';
import { inWords } from '../src/file-systems/oracle.ts';
import { mountPlaces, type Place, type Places, placesNeed } from '../src/file-systems/places.ts';
import { makeScene, type Scene, type SceneTrees } from '../src/file-systems/scene.ts';

const needs = { ...placesNeed, tools: [...placesNeed.tools, 'rsync'] };

const LOWER = 'directories of the lower layer of an overlay';
const PASSTHROUGH = 'a FUSE passthrough of ext4';
const COARSE = 'ext4 with inodes of 128 bytes';
const grounds = [
  ...['ext4', COARSE, 'xfs', 'btrfs', 'another subvolume of btrfs', 'tmpfs'],
  ...['overlay', LOWER, 'a bind mount of ext4'],
];
const readOnly = ['read-only ext4', 'a read-only bind mount of xfs'];

/** Cheapest first, with the fact that each needs. */
const strategies = {
  rename: 'rename',
  'double-rename': 'rename',
  hardlink: 'link',
  reflink: 'reflink',
  copy: undefined,
};

/** Entries of every kind, some hundred. */
const trees: SceneTrees = {
  root: bigTreeEntries({ files: 30, version: 1 }),
  image: bigTreeEntries({ files: 30, version: 2 }),
};

testWith(
  needs,
  'between every two file systems a merge is what rsync makes of it, by the cheapest way that works',
  async () => {
    using work = temporaryDirectory();
    await using places = await mountPlaces(work.make('places'));
    const found: Record<string, Outcome> = {};
    const expected: Record<string, Outcome> = {};
    for (const [number, [from, to]] of pairs(places, grounds, grounds).entries()) {
      using scene = makeScene(String(number), from, to, trees);
      const facts = inWords(probeSite(scene.image, scene.root).facts);
      const coarser = to.name === COARSE && from.name !== COARSE;
      const pair = `${from.name} → ${to.name}`;
      found[pair] = mergeAndCompare(scene, facts, coarser ? { lossy: ['time'] } : {}, beyondUs(from, to));
      const cheapest = ['rename', 'reflink'].find((fact) => facts[fact] === 'yes') ?? 'copy';
      const refused = coarser ? { refused: 'CANNOT_CARRY' } : {};
      // Of what overlay may have to copy up, that which would not survive it is copied by us.
      const alsoCopies = cheapest === 'rename' && [LOWER, 'overlay'].includes(from.name);
      const rungs = alsoCopies ? ['copy', 'rename'] : [cheapest];
      expected[pair] = { ...refused, rungs, differences: [], disagreeing: [] };
    }
    expect(found).toEqual(expected);
  },
);

testWith(
  needs,
  'a strategy that is forced ends as well where its fact is yes; where it is not it is refused',
  async () => {
    using work = temporaryDirectory();
    await using places = await mountPlaces(work.make('places'));
    const found: Record<string, Outcome | string> = {};
    const expected: Record<string, Outcome | string> = {};
    let number = 0;
    for (const [from, to] of forcedPairs(places)) {
      for (const [strategy, fact] of Object.entries(strategies)) {
        using scene = makeScene(String(number++), from, to, trees);
        const facts = inWords(probeSite(scene.image, scene.root).facts);
        const key = `${from.name} → ${to.name} by ${strategy}`;
        if (fact === undefined || facts[fact] === 'yes') {
          found[key] = mergeAndCompare(scene, facts, { strategy }, beyondUs(from, to, strategy));
          expected[key] = { rungs: [strategy], differences: [], disagreeing: [] };
        } else {
          found[key] = refusal(scene, { strategy }).code;
          expected[key] = 'STRATEGY_IMPOSSIBLE';
        }
      }
    }
    expect(found).toEqual(expected);
  },
);

testWith(needs, 'an image that nothing can be made in is merged by what reads it, and left as it is', async () => {
  using work = temporaryDirectory();
  await using places = await mountPlaces(work.make('places'));
  const found: Record<string, Outcome | string> = {};
  const expected: Record<string, Outcome | string> = {};
  const targets = ['ext4', 'xfs', 'btrfs', 'overlay'];
  for (const [number, [from, to]] of pairs(places, readOnly, targets).entries()) {
    using scene = makeScene(String(number), from, to, trees);
    const pair = `${from.name} → ${to.name}`;
    const facts = inWords(probeSite(scene.image, scene.root).facts);
    const reflinks = pair === 'a read-only bind mount of xfs → xfs';
    for (const strategy of ['rename', 'hardlink', ...(reflinks ? [] : ['reflink'])]) {
      found[`${pair} by ${strategy}`] = refusal(scene, { strategy }).code;
      expected[`${pair} by ${strategy}`] = 'STRATEGY_IMPOSSIBLE';
    }
    found[pair] = mergeAndCompare(scene, facts, {}, beyondUs(from, to));
    expected[pair] = { rungs: [reflinks ? 'reflink' : 'copy'], differences: [], disagreeing: [] };
  }
  expect(found).toEqual(expected);
});

/** Within each file system, and between two that look like one. */
function forcedPairs(places: Places): [Place, Place][] {
  const across = [
    ['ext4', 'a bind mount of ext4'],
    ['btrfs', 'another subvolume of btrfs'],
    ['tmpfs', 'ext4'],
    ['overlay', LOWER],
  ] as const;
  const within = grounds.map((name) => [name, name] as const);
  return [...within, ...across].map(([from, to]) => [placeOf(places, from), placeOf(places, to)]);
}

function pairs(places: Places, from: readonly string[], to: readonly string[]): [Place, Place][] {
  return from.flatMap((source) =>
    to.map((target): [Place, Place] => [placeOf(places, source), placeOf(places, target)]),
  );
}

function placeOf({ all }: Places, name: string): Place {
  const found = all.find((place) => place.name === name);
  if (found === undefined) throw new Error(`no place is called \`${name}\``);
  return found;
}

/**
 * What is not the same however a merge is done: xfs preallocates behind what is written in pieces, and overlay splits
 * hard links and fills holes when it copies up what lies in a lower layer (overlayfs.rst, "Non-standard behavior").
 */
function beyondUs(from: Place, to: Place, strategy = 'auto'): ComparedAttribute[] {
  const copiesUp = to.name === LOWER || (strategy !== 'auto' && from.name === LOWER && to.name === 'overlay');
  return [...(to.name === 'xfs' || copiesUp ? ['holes' as const] : []), ...(copiesUp ? ['hard links' as const] : [])];
}

describe('a file system in user space', () => {
  const trees = { image: everyKind('new'), root: everyKind('old') };

  testWith(needs, 'keeps everything but ACLs, as any other', async () => {
    using work = temporaryDirectory();
    await using places = await mountPlaces(work.make('places'));
    for (const [from, to] of [
      ['tmpfs', 'fuse'],
      ['fuse', 'ext4'],
      ['fuse', 'fuse'],
      ['tmpfs', PASSTHROUGH],
      [PASSTHROUGH, 'ext4'],
      [PASSTHROUGH, PASSTHROUGH],
    ] as const) {
      using scene = makeScene(from, placeOf(places, from), placeOf(places, to), trees, ['--no-acls']);
      const facts = inWords(probeSite(scene.image, scene.root).facts);
      // bindfs passes on no SEEK_DATA: a copy cannot see holes there, rsync makes some of zeros.
      const outcome = mergeAndCompare(scene, facts, {}, from === PASSTHROUGH && to === 'ext4' ? ['holes'] : []);
      const rungs = [from === to ? 'rename' : 'copy'];
      expect([from, to, outcome]).toEqual([from, to, { rungs, differences: [], disagreeing: [] }]);
    }
  });

  rootTest('that is like vfat gets no entry that would lose something', async () => {
    using work = temporaryDirectory();
    await using boot = await mountBoot(work);
    expect(told(refusal(boot, { exclude: ['boot/d/impossible'] }))).toEqual(wouldLose);
    expect(told(refusal(boot, { lossy: losable }))).toEqual(cannotBe);
  });

  rootTest('that is like vfat gets them where that is accepted, and all that it can keep', async () => {
    using work = temporaryDirectory();
    await using boot = await mountBoot(work);
    const report = merge(boot, { exclude: ['boot/d/impossible'], lossy: losable, keepImage: true });
    expect(new Set(report.lost.map(({ path }) => path))).toEqual(new Set(Object.keys(wouldLose)));
    const brought = [...snapshotTree(boot.image)].filter(([path]) => !path.startsWith('boot/d/impossible'));
    const expected = overlay(boot.before, new Map(brought));
    const merged = snapshotTree(boot.root);
    expect(compareTrees(expected, merged, { ignore: { paths: ['.'], attributes: lost } })).toEqual([]);
    const paths = ['.', ...Object.keys(wouldLose)];
    expect(compareTrees(expected, merged, { ignore: { paths } })).toEqual([]);
  });

  rootTest('that is like vfat has nothing to be done when the same is merged again', async () => {
    using work = temporaryDirectory();
    await using boot = await mountBoot(work);
    const options = { exclude: ['boot/d/impossible'], lossy: losable, keepImage: true };
    merge(boot, options);
    const merged = snapshotTree(boot.root);
    expect(merge(boot, options).counts).toMatchObject({ created: 0, replaced: 0 });
    expect(compareTrees(merged, snapshotTree(boot.root), { ignore: { paths: ['.'] } })).toEqual([]);
  });
});

interface Boot extends AsyncDisposable, Pick<Scene, 'image' | 'root' | 'before'> {}

/** A root whose `boot` is like vfat, and an image that brings one entry of each kind there. */
async function mountBoot(work: TemporaryDirectory): Promise<Boot> {
  const [image, root] = [work.make('image'), work.make('root')];
  const boot = await mountFuse(work.make('root/boot'), { traits: LIKE_VFAT });
  writeTree(root, [file('other', 'other'), file('boot/plain', 'old')]);
  writeTree(work.make('image/boot'), everyKind('new'));
  writeTree(image, [directory('boot', { mtime: { sec: 1_500_000_000, nsec: 0 } })]);
  return { image, root, before: snapshotTree(root), [Symbol.asyncDispose]: () => boot[Symbol.asyncDispose]() };
}

const lost = ['mode', 'uid', 'gid', 'mtime', 'xattrs', 'hard links'] as const;

/** What the entries of {@link everyKind} lose on vfat. */
const wouldLose: Readonly<Record<string, string>> = {
  'boot/d/able': 'its `security.capability`',
  'boot/d/linked': 'its hard links',
  'boot/d/linked again': 'its hard links',
  'boot/d/nanosecond': 'its time to the nanosecond',
  'boot/d/odd second': 'its time to the second',
  'boot/d/owned': 'its owner 7:8',
  'boot/d/setuid': 'its mode 4755',
  'boot/d/xattr': 'its `user.a`',
  'boot/private': 'its owner 0:8, its mode 2700, its `trusted.a`',
};

const cannotBe: Readonly<Record<string, string>> = {
  'boot/d/impossible/block': 'being a block',
  'boot/d/impossible/character': 'being a char',
  'boot/d/impossible/fifo': 'being a fifo',
  'boot/d/impossible/new\nline': 'its name',
  'boot/d/impossible/symlink': 'being a symlink',
};

/** Path → what a refusal says would be lost. */
function told({ problems }: MergeError): Record<string, string> {
  expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['CANNOT_CARRY']));
  return Object.fromEntries(problems.map(({ path, message }) => [path, message.replace(/^.* would lose /s, '')]));
}
