/** Places of every kind to run programs in, and to replace them. Mounts: for tests in a namespace of their own. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { makeLoopFs, mountTmpfs, temporaryDirectory } from '@emplace/fixtures';
import { scan } from '../../src/index.ts';
import type { Finding, ScanOptions } from '../../src/stale/model.ts';
import { CAT, startWaiting, type Waiting } from '../processes/children.ts';

/** One directory with a program, a library that it is started with, and another of each. */
export interface Den {
  readonly path: string;
  at(name: string): string;
  start(name?: string): Promise<Waiting>;
}

const FILES = ['program', 'library', 'new-program', 'new-library'] as const;

/** The C library of CAT: any would do, but this is one that it can be started with twice. */
const LIBRARY = libraryOfCat();

function libraryOfCat(): string {
  const listed = execFileSync('ldd', [CAT], { encoding: 'utf8' });
  const library = /\/\S*\/libc[.-]\S*/.exec(listed)?.[0];
  if (library === undefined) throw new Error('the tests need a program that is linked dynamically, with glibc');
  return library;
}

function furnish(dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (const name of FILES) copyFileSync(name.endsWith('program') ? CAT : LIBRARY, join(dir, name));
  // Other files by their content too, for who compares that.
  for (const name of FILES.slice(2)) appendFileSync(join(dir, name), 'new');
}

function den(path: string): Den {
  const at = (name: string): string => join(path, name);
  return {
    path,
    at,
    start: (name = 'program') => startWaiting(at(name), [], { env: { ...process.env, LD_PRELOAD: at('library') } }),
  };
}

/** All dens of one kind of file system, made together: what is to lie in the lower layer has to be there before it is mounted. */
export interface Habitat extends Disposable {
  den(name: string): Den;
}

type Prepare = (top: string, fill: (dir: string) => void) => string;

/** Each makes a file system below `top`, fills it, and says where the dens are. */
export const HABITATS: Readonly<Record<string, Prepare>> = {
  ext4: (top, fill) => {
    makeLoopFs('ext4', 256, top);
    fill(top);
    return top;
  },
  tmpfs: (top, fill) => {
    mountTmpfs(top);
    fill(top);
    return top;
  },
  'a subvolume of btrfs': (top, fill) => {
    makeLoopFs('btrfs', 512, top);
    execFileSync('btrfs', ['subvolume', 'create', join(top, 'sub')], { stdio: 'ignore' });
    fill(join(top, 'sub'));
    return join(top, 'sub');
  },
  'the lower layer of overlay': (top, fill) => overlay(top, (lower) => fill(lower)),
  'the upper layer of overlay': (top, fill) => {
    const merged = overlay(top, () => {});
    fill(merged);
    return merged;
  },
};

/** The lower layer is a file system of its own: overlay then tells numbers of its own. */
function overlay(top: string, fillLower: (dir: string) => void): string {
  mountTmpfs(top);
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(top, name));
  for (const dir of [lower, upper, work, merged]) mkdirSync(dir as string);
  makeLoopFs('ext4', 256, lower as string);
  fillLower(lower as string);
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged as string]);
  return merged as string;
}

export function habitat(kind: string, names: readonly string[]): Habitat {
  const place = temporaryDirectory();
  const top = place.make('top');
  const dirOf = (name: string): string => `d${names.indexOf(name)}`;
  const base = (HABITATS[kind] as Prepare)(top, (dir) => {
    for (const name of names) furnish(join(dir, dirOf(name)));
  });
  return {
    den: (name) => den(join(base, dirOf(name))),
    [Symbol.dispose]: () => {
      execFileSync('umount', ['-l', top]);
      place[Symbol.dispose]();
    },
  };
}

/** What a scan finds of one process, without the owners, which this machine's packages would have to name. */
export function findings({ pid }: { readonly pid: number }, options: ScanOptions = {}): readonly Finding[] {
  const { processes, counts } = scan({ pids: [pid], owners: [], ...options });
  if (counts.unread > 0) throw new Error(`process ${pid} could not be read`);
  return processes.flatMap((found) => found.findings);
}

/** In short: class, what it is held as, and `leaks`. */
export function classes(process: { readonly pid: number }, options: ScanOptions = {}): string[] {
  return findings(process, options).map((one) => `${one.class} ${one.held}${one.leaks ? ' leaks' : ''}`);
}

/** Until what happens now can be told from what happened before: starts are known to a hundredth of a second, no better. */
export async function aged(): Promise<void> {
  const since = performance.now();
  while (performance.now() - since < 40) await setImmediate();
}
