/** `probeSite` says of every two file systems what the bare system calls do there, or that it could not ask. */
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { asUser, removeTree, snapshotTree, temporaryDirectory, USER } from '@emplace/fixtures';
import { type FuseMount, type FuseRule, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { linuxPort, probeSite } from '@emplace/fsprobe';
import { ascii, isErrno, toBytes } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { type Answers, compileOracle, inWords } from './file-systems/oracle.ts';
import { mountPlaces, type Place, placesNeed } from './file-systems/places.ts';

/** What Linux is known for: the oracle is asked for more, and may err. */
const known: Readonly<Record<string, Answers>> = {
  'ext4 → ext4': { rename: 'yes', renameDirectory: 'yes', link: 'yes', cleanRename: 'yes', cleanStaged: 'yes' },
  'ext4 → a bind mount of ext4': { rename: 'no EXDEV', link: 'no EXDEV', copyRange: 'yes', hardLink: 'yes' },
  'ext4 → ext4 with inodes of 128 bytes': { nanoseconds: 'no other', seconds: 'yes' },
  'ext4 → directories with a mounted file': { rename: 'yes', renameDirectory: 'yes', link: 'yes' },
  'btrfs → another subvolume of btrfs': { rename: 'no EXDEV', link: 'no EXDEV', reflink: 'yes', cleanStaged: 'yes' },
  'xfs → xfs': { rename: 'yes', reflink: 'yes', unnamedFile: 'yes', exec: 'yes' },
  'a read-only bind mount of xfs → xfs': { rename: 'no EXDEV', reflink: 'yes', cleanRename: 'not-measured' },
  'read-only ext4 → xfs': { rename: 'no EXDEV', reflink: 'no EXDEV', copyRange: 'no EXDEV' },
  'xfs → a read-only bind mount of xfs': { create: 'no EROFS', rename: 'no EXDEV', link: 'no EROFS' },
  'read-only ext4 → read-only ext4': {
    rename: 'no EROFS',
    link: 'no EROFS',
    owner: 'not-measured',
    exec: 'not-measured',
  },
  'tmpfs → noexec tmpfs': { exec: 'no EACCES', device: 'yes' },
  'overlay → overlay': { rename: 'yes', renameDirectory: 'yes', trustedXattr: 'yes', cleanRename: 'yes' },
  'the lower layer below an overlay → overlay': { rename: 'no EXDEV', cleanStaged: 'yes' },
  'tmpfs → fuse like vfat': { hardLink: 'no EPERM', mode: 'no other', seconds: 'no other', caseSensitive: 'no other' },
  'tmpfs → fuse without rename flags': { noReplace: 'no EINVAL', exchange: 'no EINVAL' },
  'a FUSE passthrough of ext4 → a FUSE passthrough of ext4': { rename: 'yes', link: 'yes', mode: 'yes', acl: 'yes' },
  'ext4 → a FUSE passthrough of ext4': { rename: 'no EXDEV', reflink: 'no EXDEV', nanoseconds: 'yes' },
  'tmpfs → fuse with short names': { longestName: 'yes', cleanStaged: 'not-measured' },
};

testWith(placesNeed, 'each fact is what the bare system call gives there, and nothing is left behind', async () => {
  using work = temporaryDirectory();
  await using places = await mountPlaces(work.make('places'));
  const oracle = compileOracle(work.at('oracle'));
  const probed: Record<string, Answers> = {};
  const expected: Record<string, Answers> = {};
  const before = new Map(places.all.map((place) => [place, look(place)]));
  for (const from of places.all) {
    for (const to of places.all) {
      const pair = `${from.name} → ${to.name}`;
      probed[pair] = inWords(probeSite(from.source, to.target).facts);
      expect([pair, look(from), look(to)]).toEqual([pair, before.get(from), before.get(to)]);
    }
  }
  // After all probes: what the oracle removes while it is open a FUSE server may remove later, and touch the directory.
  for (const from of places.all) {
    for (const to of places.all)
      expected[`${from.name} → ${to.name}`] = allowingForReadOnly(oracle(from.source, to.target), to);
  }
  expect(probed).toEqual(expected);
  expect(probed).toMatchObject(known);
});

function look({ source, target }: Place): object {
  return { source: snapshotTree(source), target: snapshotTree(target) };
}

/** Where nothing can be made, the kernel's EROFS is no word on anything else: what is left are these. */
function allowingForReadOnly(answers: Answers, { name }: Place): Answers {
  if (!name.includes('read-only')) return answers;
  const told = ['create', 'rename', 'renameDirectory', 'link'];
  return Object.fromEntries(
    Object.entries(answers).map(([fact, answer]) => [fact, told.includes(fact) ? answer : 'not-measured']),
  );
}

rootTest('the control of the clean facts: an exchange of image and target does show the image', () => {
  using work = temporaryDirectory();
  const fs = linuxPort();
  const [image, root] = [fs.openRoot(toBytes(work.make('image'))), fs.openRoot(toBytes(work.make('root')))];
  const program = ascii('program');
  fs.closeFile(fs.createFile(image, program, 0o700));
  const held = fs.createFile(root, program, 0o700);
  expect(fs.pathShown(held)).toBe(work.at('root/program'));
  fs.exchange(image, program, root, program);
  expect(fs.pathShown(held)).toBe(work.at('image/program'));
  fs.closeFile(held);
  for (const dir of [image, root]) fs.closeDir(dir);
});

describe('what cannot be asked', () => {
  rootTest('is an error where there is no directory', () => {
    using work = temporaryDirectory();
    const here = work.make('here');
    writeFileSync(work.at('file'), '');
    symlinkSync('nowhere', work.at('dangling'));
    const cases = { missing: 'ENOENT', file: 'ENOTDIR', 'file/below': 'ENOTDIR', dangling: 'ENOENT' };
    for (const [name, code] of Object.entries(cases)) {
      expect([name, failure(() => probeSite(work.at(name), here))]).toEqual([name, code]);
      expect([name, failure(() => probeSite(here, work.at(name)))]).toEqual([name, code]);
    }
    expect(readdirSync(here)).toEqual([]);
  });

  rootTest('is an error where a directory may not be read, and not measured where none may be made in it', () => {
    using work = temporaryDirectory();
    for (const path of [dirname(work.path), work.path]) chmodSync(path, 0o755);
    const [open, closed, standing] = [work.make('open'), work.make('closed'), work.make('standing')];
    chmodSync(closed, 0o700);
    chownSync(open, USER, USER);
    writeFileSync(work.at('standing/file'), 'readable');
    expect(asUser(() => failure(() => probeSite(closed, open)))).toBe('EACCES');
    expect(asUser(() => failure(() => probeSite(open, closed)))).toBe('EACCES');
    const into = inWords(asUser(() => probeSite(open, standing)).facts);
    const { create, ...others } = into;
    expect(create).toBe('no EACCES');
    expect(new Set(Object.values(others))).toEqual(new Set(['not-measured']));
    const from = inWords(asUser(() => probeSite(standing, open)).facts);
    const unasked = Object.keys(from).filter((name) => from[name] === 'not-measured');
    expect(unasked.sort()).toEqual(['cleanRename', 'link', 'rename', 'renameDirectory']);
    expect(from).toMatchObject({ hardLink: 'yes', exchange: 'yes', cleanStaged: 'yes', exec: 'yes' });
    expect(from).toMatchObject({ owner: 'no EPERM', trustedXattr: 'no EPERM', device: 'no EPERM' });
    expect(readdirSync(standing)).toEqual(['file']);
  });
});

/** Calls of a probe, in which something happens to its directories. */
const moments: Readonly<Record<string, FuseRule>> = {
  'the first file of the source is closed': { operation: 'FLUSH', path: '^/source/', answer: 'hold' },
  'the first file of the target is closed': { operation: 'FLUSH', path: '^/target/', answer: 'hold' },
  'a new FIFO is looked at': { operation: 'GETATTR', path: '^/target/.*/fifo$', answer: 'hold' },
  'an attribute is read': { operation: 'GETXATTR', path: '^/target/.*/user', answer: 'hold' },
};

describe.each(Object.entries(moments))('while %s', (_, rule) => {
  rootTest('a directory that vanishes makes no fact wrong: what was asked later is not measured', async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('fuse'));
    const undisturbed = await probeInChild(fuse);
    for (const gone of ['source', 'target']) {
      const { outcome } = await heldProbe(fuse, rule);
      removeTree(join(fuse.path, gone));
      await fuse.rules([]);
      await fuse.release();
      const answers = await outcome;
      expect(answers.exec).toBe(gone === 'target' ? 'not-measured' : 'yes');
      const wrong = Object.keys(answers).filter((name) => !['not-measured', undisturbed[name]].includes(answers[name]));
      expect(wrong).toEqual([]);
    }
  });

  rootTest('a file system that dies is an error', async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('fuse'));
    const { outcome } = await heldProbe(fuse, rule);
    await fuse.abort();
    expect(await outcome).toEqual({ error: 'ENOTCONN' });
  });
});

/** Only a process that may hang probes what does not answer. */
async function probeInChild({ path }: FuseMount): Promise<Answers> {
  const script = fileURLToPath(new URL('./file-systems/probe-child.ts', import.meta.url));
  const directories = ['source', 'target'].map((name) => join(path, name));
  for (const directory of directories) mkdirSync(directory, { recursive: true });
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script, ...directories];
  return JSON.parse((await promisify(execFile)(process.execPath, node)).stdout);
}

/** A probe that waits in the call that the rule tells. */
async function heldProbe(fuse: FuseMount, rule: FuseRule): Promise<{ readonly outcome: Promise<Answers> }> {
  await fuse.rules([rule]);
  const outcome = probeInChild(fuse);
  await fuse.held(1);
  return { outcome };
}

function failure(act: () => unknown): string {
  try {
    act();
    return 'success';
  } catch (error) {
    if (isErrno(error)) return error.code;
    throw error;
  }
}
