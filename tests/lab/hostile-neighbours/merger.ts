/**
 * Merges, upgrades, unmerges and recovers as root in a root where a user does harm, until it is killed.
 *
 *   node merger.ts PLACE SEED engine|plain
 *
 * Prints a line of JSON for each operation that ended: its outcome or error code, and setuid programs that a user kept of what
 * it replaced. `plain` is the control: what a merge is without handles, by copying and renaming paths.
 */
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { asUser, type Random, randomOf, removeTree, writeTree } from '@emplace/fixtures';
import { ignoring, linuxPort, type Named } from '@emplace/fsprobe';
import { MergeError, type MergeOptions, mergeSync, recoverSync, unmergeSync } from '@emplace/merge-core';
import { ascii, isErrno, toBytes } from '@emplace/syscalls';
import { survivors } from './setuid.ts';
import { imageEntries, OWNED, worldAt } from './world.ts';

const [place = '', seed = '', how = 'engine'] = process.argv.slice(2);
const world = worldAt(place);
const { root } = world;
const image = `${world.private}/image`;
const random: Random = randomOf(Number(seed));
/** As many failures to recover in a row, and an administrator has a look. */
const PATIENCE = 20;

function writeImage(): void {
  // Who cleans an image sees to it himself what becomes of its programs.
  for (const name of existsSync(`${image}/usr/bin`) ? readdirSync(`${image}/usr/bin`) : [])
    chmodSync(`${image}/usr/bin/${name}`, 0o755);
  removeTree(image);
  mkdirSync(image);
  writeTree(image, imageEntries(1 + random.integer(3)));
}

function options(): MergeOptions {
  return {
    root,
    image,
    sync: 'none',
    strategy: random.pick(['auto', 'auto', 'copy', 'hardlink', 'double-rename']),
    hardlink: true,
    keepImage: false,
    replaceTypes: random.chance(0.5),
    directories: random.pick(['keep', 'image']),
  };
}

function operation(): string {
  const kind = random.integer(10);
  if (how === 'plain') return mergePlainly();
  if (kind === 0) return recoverSync({ root, sync: 'none', rollback: random.chance(0.5) }).outcome;
  const version = 1 + random.integer(3);
  const ledger = { package: `app-misc/app-${version}`, slot: '0', configProtect: ['/srv/a'] };
  if (kind < 3) {
    const [found = 'app-1'] = [1, 2, 3]
      .map((n) => `app-${n}`)
      .filter((name) => existsSync(`${root}/var/db/pkg/app-misc/${name}`));
    return unmergeSync({ root, sync: 'none', ledger: { ...ledger, package: `app-misc/${found}` } }).outcome;
  }
  writeImage();
  return mergeSync({ ...options(), ...(kind < 6 && { ledger }) }).outcome;
}

/** By path, as a script would do it: nothing refuses to be led astray. */
function mergePlainly(): string {
  writeImage();
  for (const entry of readdirSync(image, { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`.slice(image.length + 1);
    try {
      if (entry.isDirectory()) mkdirSync(`${root}/${path}`, { recursive: true });
      else if (path.startsWith('usr/')) {
        // Beside it first, as good scripts do: what they forget is what becomes of the old program.
        const staged = `${root}/usr/bin/.${entry.name}.emplace-plain`;
        renameSync(`${image}/${path}`, staged);
        renameSync(staged, `${root}/${path}`);
      } else if (entry.isFile()) {
        copyFileSync(`${image}/${path}`, `${root}/${path}`);
        chmodSync(`${root}/${path}`, lstatSync(`${image}/${path}`).mode & 0o7777);
      }
    } catch {
      // It goes on with the next: that it is disturbed is not how it loses.
    }
  }
  return 'plain';
}

/** What the user needs to go on doing harm, and what it cannot clean up itself. */
function tidy(): void {
  for (const path of OWNED) {
    try {
      asUser(() => mkdirSync(`${root}/${path}`));
    } catch {
      // There is one, or something else for a moment.
    }
  }
  const fs = linuxPort();
  const top = fs.openRoot(toBytes(root));
  try {
    for (const path of ['', ...OWNED]) {
      const dir = fs.openDir(top, ascii(path));
      // Of symlinks, those that wait to be swapped stay.
      const isPlanted = ({ name, type }: Named): boolean =>
        type === 'symlink' ? !/\.link$|^link$/.test(name) : /\.junk\d|^mine\d|^\._cfg/.test(name);
      for (const { name } of fs.list(dir).filter(isPlanted))
        ignoring(() => removeTree(toBytes(`/proc/self/fd/${dir}/${name}`)), 'ENOTEMPTY', 'ENOENT');
      fs.closeDir(dir);
    }
  } catch (error) {
    if (!isErrno(error)) throw error;
  } finally {
    fs.closeDir(top);
  }
}

for (let failed = 0; ; ) {
  let ended: string;
  let why: string | undefined;
  try {
    ended = operation();
    failed = 0;
  } catch (error) {
    // What is no MergeError is a bug, and ends this process with it.
    if (!(error instanceof MergeError)) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') continue;
      throw error;
    }
    ended = error.code;
    why = error.message;
    if (
      ['INCOMPLETE', 'JOURNAL_UNREADABLE', 'STATE_UNSAFE', 'UNDO_MISSING'].includes(error.code) &&
      ++failed === PATIENCE
    ) {
      removeTree(`${root}/.emplace`);
      ended = 'helped';
      failed = 0;
    }
  }
  const kept = survivors(world);
  process.stdout.write(`${JSON.stringify({ ended, why, kept })}\n`);
  tidy();
}
