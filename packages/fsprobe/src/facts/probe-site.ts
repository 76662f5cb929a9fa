import { ascii, type Bytes, fstatfs, isErrno, ST_NOEXEC, toBytes } from '@emplace/syscalls';
import { linuxPort } from '../fs/linux.ts';
import type { DirHandle, FsPort, Space, Stat } from '../fs/port.ts';
import type { Place, Site } from '../site.ts';
import { probeNames, sweep } from '../sweep.ts';
import { type Fact, measured, refused, yes } from './fact.ts';
import { execAllowed, unnamedFile } from './linux-only.ts';
import { askSite, type FactName, factNames } from './site-facts.ts';
import { type Left, Workbench } from './workbench.ts';

/** All that is known of a source and a target directory after each question was asked there. */
export interface ProbedSite {
  readonly site: Site;
  readonly facts: Readonly<Record<FactName | LinuxFactName, Fact>>;
  /** Room and limits of the target's file system: bytes and inodes free, longest name. */
  readonly space: Space;
  /** What could not be removed: others put something there, or in its place. Known once all is removed. */
  readonly left: readonly Left[];
}

/** What is asked of Linux itself, beside what a merge asks through its port. */
export type LinuxFactName = 'create' | 'unnamedFile' | 'exec';

/** Told what a probe is about to do, by who watches it from another process. */
export interface ProbeWatch {
  /** The next call: a fact's name, or what is done with the directories. */
  readonly asking: (what: string) => void;
  /** Paths that are there only while it runs. */
  readonly making: (paths: readonly Bytes[]) => void;
}

const HERE: Bytes = ascii('');
const unwatched: ProbeWatch = { asking: () => {}, making: () => {} };

/**
 * Asks the kernel with real files what works between two directories and in the second, in a private directory (0700) in
 * each, named `.emplace-probe-…`, that is removed again, as are those that killed probes left. Takes a few milliseconds.
 *
 * Not guaranteed: that every pair of directories of the two mounts is like this one (projects, overlay's lower layer),
 * that nothing is left when this process is killed, and that it returns where a file system never answers.
 *
 * @param source text is UTF-8; bytes for a path that is not
 * @throws SyscallError when one of the two is no directory, or cannot be opened
 */
export function probeSite(
  source: string | Uint8Array,
  target: string | Uint8Array,
  { asking, making }: ProbeWatch = unwatched,
): ProbedSite {
  const fs = linuxPort();
  asking('open');
  using from = opened(source, fs);
  using to = opened(target, fs);
  asking('list');
  for (const { dir } of [from, to]) sweep(dir, fs);
  const names = probeNames('facts');
  asking('stat and statfs');
  const site = { source: placeOf(from.dir, fs), target: placeOf(to.dir, fs) };
  const space = fs.space(to.dir);
  making([below(source, names.source), below(target, names.target)]);
  // Disposed of in the reverse order: told before the bench is removed, and the bench before the directories are closed.
  const left: Left[] = [];
  using bench = new Workbench(from.dir, to.dir, names, fs, (side, name, why) => {
    left.push({ path: below(side === 'source' ? source : target, name), why });
  });
  using _removing = { [Symbol.dispose]: () => asking('remove') };
  const asked: [string, Fact][] = [];
  const ask = (name: string, question: () => Fact): void => {
    asking(name);
    asked.push([name, question()]);
  };
  ask('create', () => createFact(bench));
  for (const name of factNames) ask(name, () => askSite(name, bench));
  ask('unnamedFile', () => measured(bench, () => unnamedFile(bench)));
  ask('exec', () => execFact(bench, to.dir));
  return { site, facts: Object.fromEntries(asked) as Record<FactName | LinuxFactName, Fact>, space, left };
}

/** Whether anything can be made in the target: this alone is what EROFS and EACCES answer. */
function createFact(bench: Workbench): Fact {
  return measured(bench, () => {
    try {
      void bench.target;
      return yes;
    } catch (error) {
      if (isErrno(error, 'EROFS', 'EACCES', 'EPERM')) return refused(error.code);
      throw error;
    }
  });
}

/** Where nothing can be made to be run, the mount still says whether it forbids that. */
function execFact(bench: Workbench, target: DirHandle): Fact {
  const fact = measured(bench, () => execAllowed(bench));
  if (fact.answer !== 'not-measured') return fact;
  return measured(bench, () => ((fstatfs(target).flags & ST_NOEXEC) === 0 ? fact : refused('EACCES')));
}

function below(dir: string | Uint8Array, name: Bytes): Bytes {
  return `${toBytes(dir)}/${name}` as Bytes;
}

function opened(path: string | Uint8Array, fs: FsPort): Disposable & { readonly dir: DirHandle } {
  const dir = fs.openRoot(toBytes(path));
  return { dir, [Symbol.dispose]: () => fs.closeDir(dir) };
}

function placeOf(dir: DirHandle, fs: FsPort): Place {
  const { dev, mountId } = fs.stat(dir, HERE) as Stat;
  return { dev, mountId, magic: fs.space(dir).magic };
}
