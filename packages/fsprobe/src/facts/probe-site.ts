import { randomBytes } from 'node:crypto';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { linuxPort } from '../fs/linux.ts';
import type { DirHandle, FsPort, Space, Stat } from '../fs/port.ts';
import type { Place, Site } from '../site.ts';
import { type Fact, measured } from './fact.ts';
import { execAllowed, unnamedFile } from './linux-only.ts';
import { askSite, type FactName, factNames } from './site-facts.ts';
import { Workbench } from './workbench.ts';

/** All that is known of a source and a target directory after each question was asked there. */
export interface ProbedSite {
  readonly site: Site;
  readonly facts: Readonly<Record<FactName | LinuxFactName, Fact>>;
  /** Room and limits of the target's file system: bytes and inodes free, longest name. */
  readonly space: Space;
}

/** What is asked of Linux itself, beside what a merge asks through its port. */
export type LinuxFactName = 'unnamedFile' | 'exec';

const HERE: Bytes = ascii('');

/**
 * Asks the kernel with real files what works between two directories and in the second, in a private directory (0700) in
 * each, named `.emplace-probe-…`, that is removed again. Takes a few milliseconds.
 *
 * Not guaranteed: that every pair of directories of the two mounts is like this one (projects, overlay's lower layer), and
 * that nothing is left when this process is killed.
 *
 * @param source text is UTF-8; bytes for a path that is not
 * @throws SyscallError when one of the two is no directory, or cannot be opened
 */
export function probeSite(source: string | Uint8Array, target: string | Uint8Array): ProbedSite {
  const fs = linuxPort();
  using from = opened(source, fs);
  using to = opened(target, fs);
  const random = randomBytes(8).toString('hex');
  const names = { source: ascii(`.emplace-probe-${random}-s`), target: ascii(`.emplace-probe-${random}-t`) };
  const site = { source: placeOf(from.dir, fs), target: placeOf(to.dir, fs) };
  const space = fs.space(to.dir);
  using bench = new Workbench(from.dir, to.dir, names, fs);
  const asked = factNames.map((name) => [name, askSite(name, bench)] as const);
  const facts = {
    ...(Object.fromEntries(asked) as Record<FactName, Fact>),
    unnamedFile: measured(bench, () => unnamedFile(bench)),
    exec: measured(bench, () => execAllowed(bench)),
  };
  return { site, facts, space };
}

function opened(path: string | Uint8Array, fs: FsPort): Disposable & { readonly dir: DirHandle } {
  const dir = fs.openRoot(toBytes(path));
  return { dir, [Symbol.dispose]: () => fs.closeDir(dir) };
}

function placeOf(dir: DirHandle, fs: FsPort): Place {
  const { dev, mountId } = fs.stat(dir, HERE) as Stat;
  return { dev, mountId, magic: fs.space(dir).magic };
}
