import { posix } from 'node:path';
import { type Bytes, isErrno, show } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import { parseConfigName } from '../ledger/config-names.ts';
import { resolvePath } from '../ledger/resolve-path.ts';
import { HERE, join, splitPath } from '../paths.ts';
import type { PendingUpdate } from './model.ts';
import type { ConfigSite } from './site.ts';

/** A name for which updates wait. */
export interface Found {
  /** Below the root, as the protected path leads to it. */
  readonly path: Bytes;
  /** Its directory, without symlinks. */
  readonly directory: Bytes;
  readonly name: Bytes;
  /** The earliest first. */
  readonly updates: readonly [PendingUpdate, ...PendingUpdate[]];
}

/** A directory to look into. */
interface Place {
  readonly path: Bytes;
  readonly directory: Bytes;
}

/** What people and editors leave beside an update. */
const BACKUP = /~$|\.bak$/i;

/**
 * All updates that wait, by the rules of Portage's own search (docs/PORTAGE.md, F.8): below each protected directory, not in
 * hidden directories, through no symlink but the one that CONFIG_PROTECT itself may name. Masked paths are looked at too: what waits there
 * was offered when they were not masked.
 */
export function findUpdates(protect: readonly Bytes[], site: ConfigSite): { found: Found[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const found = new Map<Bytes, Found>();
  for (const entry of protect) {
    const path = posix.normalize(`/${entry}`).replace(/^\/|\/$/g, '') as Bytes;
    const target = resolvePath(path, site.fs, site.root);
    if ('code' in target) problems.push(target);
    else if (target.stat?.type === 'directory') walk({ path, directory: target.path }, site, found, problems);
    else lookBeside(path, site, found, problems);
  }
  return { found: [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), problems };
}

/** A single file is protected: only its own updates count. */
function lookBeside(path: Bytes, site: ConfigSite, found: Map<Bytes, Found>, problems: Problem[]): void {
  const { parent, name } = splitPath(path);
  const above = resolvePath(parent, site.fs, site.root);
  if ('code' in above) problems.push(above);
  else if (above.stat?.type === 'directory')
    look({ path: parent, directory: above.path }, (own) => own === name, site, found, problems);
}

function walk(start: Place, site: ConfigSite, found: Map<Bytes, Found>, problems: Problem[]): void {
  const pending = [start];
  for (let place = pending.pop(); place !== undefined; place = pending.pop())
    pending.push(...look(place, () => true, site, found, problems));
}

/** @returns the directories in it that are to be looked into */
function look(
  { path, directory }: Place,
  isAsked: (name: Bytes) => boolean,
  { root, fs }: ConfigSite,
  found: Map<Bytes, Found>,
  problems: Problem[],
): Place[] {
  const directories: Place[] = [];
  const updates = new Map<Bytes, [PendingUpdate, ...PendingUpdate[]]>();
  try {
    const dir = root.at(directory);
    for (const { name, type: listed } of fs.list(dir)) {
      const parsed = BACKUP.test(name) ? undefined : parseConfigName(name);
      const type = listed ?? fs.stat(dir, name)?.type;
      if (type === 'directory' && !name.startsWith('.'))
        directories.push({ path: join(path, name), directory: join(directory, name) });
      const stat = parsed && type !== 'directory' && isAsked(parsed.name) ? fs.stat(dir, name) : undefined;
      if (stat === undefined || parsed === undefined) continue;
      const update = { number: parsed.number, name, stat };
      const others = updates.get(parsed.name);
      if (others === undefined) updates.set(parsed.name, [update]);
      else others.push(update);
    }
  } catch (error) {
    // One that was removed meanwhile holds nothing.
    if (isErrno(error, 'ENOENT')) return [];
    if (!isErrno(error)) throw error;
    problems.push({ code: 'PERMISSION', path, message: `${quoted(path)} cannot be read (${error.code})` });
    return [];
  }
  for (const [name, those] of updates) {
    those.sort((a, b) => a.number - b.number);
    found.set(join(directory, name), { path: join(path, name), directory, name, updates: those });
  }
  return directories;
}

/** For people: as seen from the root. */
export function shown(path: Bytes): string {
  return `\`/${show(path)}\``;
}

/** Of an update, as its file is shown. */
export function pathOf({ path }: { readonly path: Bytes }, name: Bytes): Bytes {
  return join(path.includes('/') ? splitPath(path).parent : HERE, name);
}
