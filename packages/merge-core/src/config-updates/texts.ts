import type { FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { PRISTINE_BYTES_MAX } from '../ledger/pristine.ts';
import { readBelow, readSized } from '../ledger/read-below.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join } from '../paths.ts';
import { pathOf, shown } from './find.ts';
import type { ChosenUpdate, ConfigOptions } from './model.ts';
import { type ConfigSite, openConfigSite } from './site.ts';

/** What a merge is made of: bytes, one latin1 unit each. */
export interface ConfigTexts {
  /** As it was shipped when the file was last brought up to an update; undefined: nobody knows. */
  readonly base: string | undefined;
  /** The file as it is. */
  readonly mine: string;
  /** The update. */
  readonly theirs: string;
}

/** Longer files can be accepted or rejected; nobody compares them line by line. */
export const TEXT_BYTES_MAX: number = PRISTINE_BYTES_MAX;

/**
 * The texts of an update; a file that is not there is empty.
 * @throws MergeError CONFIG_UPDATE_UNUSABLE for what is no text, CONFIG_UPDATE_CHANGED when it is not as it was listed, and what
 * opening a root throws
 */
export function readConfigTexts(options: ConfigOptions, { file, update }: ChosenUpdate): ConfigTexts {
  using site = openConfigSite(options);
  const sides = [
    ...(file.stat === undefined ? [] : [{ path: file.path, name: file.name, stat: file.stat }]),
    { path: pathOf(file, update.name), name: update.name, stat: update.stat },
  ];
  const whyNot = sides.flatMap(({ path, name, stat }) => whyNoText(file.directory, name, stat, shown(path), site));
  if (whyNot.length > 0) throw unusable(whyNot.join(', '));
  const [theirs = '', mine = ''] = sides
    .map(({ path, name, stat }) => textOf(file.directory, name, stat, shown(path), site))
    .reverse();
  return { base: baseOf(file.path, site), mine, theirs };
}

/** The pristine copy; undefined when there is none that is of use. */
export function baseOf(path: Bytes, { fs, root, places }: ConfigSite): string | undefined {
  const content = readBelow(fs, root, join(places.pristine, path), TEXT_BYTES_MAX);
  if (content === undefined || 'code' in content || isBinary(content)) return undefined;
  return content.latin1Slice();
}

function whyNoText(directory: Bytes, name: Bytes, { type, size }: Stat, path: string, site: ConfigSite): string[] {
  if (type === 'symlink') return [`${path} is a symlink to ${quoted(readlink(directory, name, path, site))}`];
  if (type !== 'file') return [`${path} is a ${type}`];
  return size > TEXT_BYTES_MAX ? [`${path} has ${size} bytes, which is too long to compare`] : [];
}

function readlink(directory: Bytes, name: Bytes, path: string, { root, fs }: ConfigSite): Bytes {
  try {
    return fs.readlink(root.at(directory), name);
  } catch (error) {
    if (isErrno(error)) throw changed(path, error);
    throw error;
  }
}

function textOf(directory: Bytes, name: Bytes, listed: Stat, path: string, site: ConfigSite): string {
  const content = readListed(directory, name, listed, path, site);
  if (isBinary(content)) throw unusable(`${path} is no text`);
  return content.latin1Slice();
}

/** A regular file, as it was when it was listed. @throws MergeError CONFIG_UPDATE_CHANGED */
export function readListed(
  directory: Bytes,
  name: Bytes,
  listed: Stat,
  path: string,
  { root, fs }: { readonly root: OpenDirectories; readonly fs: FsPort },
): Buffer {
  try {
    const file = fs.openFile(root.at(directory), name);
    try {
      const stat = fs.statHandle(file);
      if (!isSame(stat, listed)) throw changed(path);
      return readSized(file, stat.size, fs);
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ELOOP', 'ENXIO', 'ENOTDIR')) throw changed(path, error);
    if (!isErrno(error)) throw error;
    throw new MergeError('CONFIG_UPDATE_UNUSABLE', `${path} cannot be read (${error.code})`, { cause: error });
  }
}

/** The same entry, with what it held. */
export function isSame(a: Stat | undefined, b: Stat | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.type === b.type &&
    a.ino === b.ino &&
    a.dev === b.dev &&
    a.size === b.size &&
    a.mtime.sec === b.mtime.sec &&
    a.mtime.nsec === b.mtime.nsec
  );
}

/** As git(1) tells: no text has a NUL. */
export function isBinary(content: Buffer): boolean {
  return content.includes(0);
}

export function unusable(message: string): MergeError {
  return new MergeError('CONFIG_UPDATE_UNUSABLE', message);
}

export function changed(path: string, cause?: unknown): MergeError {
  return new MergeError('CONFIG_UPDATE_CHANGED', `${path} changed since it was looked at`, { cause });
}
