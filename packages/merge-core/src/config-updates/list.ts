import type { Stat } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import { MergeError, type Problem } from '../errors.ts';
import { openOwners } from '../ledger/owners.ts';
import { showPackage } from '../ledger/package-name.ts';
import { Vdb } from '../ledger/vdb.ts';
import { type Found, findUpdates, pathOf, shown } from './find.ts';
import { differTrivially } from './lines.ts';
import type { ConfigOptions, ConfigUpdateList, Difference, PendingFile, PendingUpdate } from './model.ts';
import { type ConfigSite, isThere, openConfigSite, protectedPaths } from './site.ts';
import { baseOf, isBinary, readListed, TEXT_BYTES_MAX } from './texts.ts';

/**
 * All updates of protected files that wait in a root. Nothing is written and nothing locked: what is found may change at any
 * moment, and who settles it looks again.
 * @param options `owners`: ask the package database whose the files are. Default false
 * @throws MergeError ROOT_MISSING, ROOT_UNUSABLE, BAD_OPTION, PORTAGE_CONFIG_INVALID
 */
export function listConfigUpdates(options: ConfigOptions & { readonly owners?: boolean }): ConfigUpdateList {
  using site = openConfigSite(options);
  const { found, problems } = findUpdates(protectedPaths(options, site), site);
  const owners = options.owners === true && found.length > 0 ? ownersOf(found, site, problems) : [];
  const files = found.flatMap((one, at) => describe(one, owners[at] ?? [], site, problems));
  return { files: files.map((file, at) => ({ ...file, number: at + 1 })), problems };
}

/** None when it cannot be looked at, which is among the problems then. */
function describe(found: Found, owners: readonly string[], site: ConfigSite, problems: Problem[]): PendingFile[] {
  const { directory, name, path, updates } = found;
  try {
    const stat = site.fs.stat(site.root.at(directory), name);
    const newest = updates.at(-1) ?? updates[0];
    const difference = differenceOf(found, stat, newest, site);
    return [{ ...found, number: 0, stat, difference, hasBase: baseOf(path, site) !== undefined, owners }];
  } catch (error) {
    // Somebody settles it at this very moment.
    if (isErrno(error, 'ENOENT')) return [];
    if (error instanceof MergeError && error.code === 'CONFIG_UPDATE_CHANGED') return [];
    if (error instanceof MergeError) problems.push({ code: error.code, path, message: error.message });
    else if (isErrno(error))
      problems.push({ code: 'PERMISSION', path, message: `${shown(path)} cannot be looked at (${error.code})` });
    else throw error;
    return [];
  }
}

function differenceOf(found: Found, stat: Stat | undefined, update: PendingUpdate, site: ConfigSite): Difference {
  const { directory, name } = found;
  if (stat === undefined) return 'missing';
  const types = [stat.type, update.stat.type];
  if (types.some((type) => type !== 'file' && type !== 'symlink')) return 'type';
  if (types.every((type) => type === 'symlink')) {
    const dir = site.root.at(directory);
    return site.fs.readlink(dir, name) === site.fs.readlink(dir, update.name) ? 'same' : 'symlink';
  }
  if (types.includes('symlink')) return 'symlink';
  if (Math.max(stat.size, update.stat.size) > TEXT_BYTES_MAX) return 'large';
  const [mine, theirs] = readBoth(found, stat, update, site) ?? [];
  if (mine === undefined || theirs === undefined) return 'unreadable';
  if (mine.equals(theirs)) return 'same';
  if (isBinary(mine) || isBinary(theirs)) return 'binary';
  return differTrivially(mine.latin1Slice(), theirs.latin1Slice()) ? 'trivial' : 'text';
}

function readBoth(found: Found, stat: Stat, update: PendingUpdate, site: ConfigSite): Buffer[] | undefined {
  const { directory, name, path } = found;
  try {
    return [
      readListed(directory, name, stat, shown(path), site),
      readListed(directory, update.name, update.stat, shown(pathOf(found, update.name)), site),
    ];
  } catch (error) {
    if (error instanceof MergeError && error.code === 'CONFIG_UPDATE_UNUSABLE') return undefined;
    throw error;
  }
}

/** Of each file, in order. That a database cannot be read is no reason not to tell what waits. */
function ownersOf(found: readonly Found[], site: ConfigSite, problems: Problem[]): string[][] {
  if (!isThere(site.vdb, site)) return [];
  try {
    using vdb = new Vdb(site.top, site.vdb, site.fs);
    const index = openOwners(vdb);
    problems.push(...index.problems);
    return found.map(({ path }) => index.ownersOf(path).map(showPackage));
  } catch (error) {
    if (!(error instanceof MergeError)) throw error;
    problems.push({ code: error.code, path: site.vdb, message: error.message });
    return [];
  }
}
