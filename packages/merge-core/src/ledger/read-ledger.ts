import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { explain, MergeError, quoted, refuse } from '../errors.ts';
import { readWhole } from '../fs/whole-file.ts';
import { OpenDirectories } from '../open-directories.ts';
import type { Excluded } from '../plan/exclude.ts';
import type { Steps } from '../steps.ts';
import { compareVersions } from './compare-versions.ts';
import { type ConfigMemory, parseConfigMemory } from './config-memory.ts';
import { type ConfigProtect, readConfigProtect } from './config-protect.ts';
import type { ContentsEntry } from './contents.ts';
import { nextCounter } from './counter.ts';
import { type GoingVersion, installedVersions, listedVersion, stayingBeside } from './going-versions.ts';
import { type ImageList, listImage } from './image-list.ts';
import { installMask } from './install-mask.ts';
import { Installed } from './installed.ts';
import { type PackageName, parsePackageName, showPackage } from './package-name.ts';
import { checkSlot, type PackageRequest, type PackageSettings } from './package-request.ts';
import { type Places, placeOf, placesOf, realPlaces } from './places.ts';
import { readPortageConfig } from './portage-config.ts';
import { type Preserved, parseRegistry } from './preserved-registry.ts';
import { readBelow } from './read-below.ts';
import { RealPaths } from './real-paths.ts';
import { settle } from './settings.ts';
import { lockSlots, slotsOf } from './slot-locks.ts';
import { Vdb } from './vdb.ts';
import { lockExisting, lockVdb, type VdbLock } from './vdb-locks.ts';

/** The trees of a merge, and how they are looked at. */
export interface LedgerContext {
  /** undefined: nothing is merged, the package goes. */
  readonly image: DirHandle | undefined;
  readonly root: DirHandle;
  readonly excluded: Excluded;
  /** false for a look only. */
  readonly locks: boolean;
  readonly fs: FsPort;
}

/** All that a merge or unmerge knows of packages, read once while their database is locked. */
export interface LedgerFacts extends Disposable {
  readonly request: PackageRequest;
  readonly settings: PackageSettings;
  readonly places: Places;
  readonly fs: FsPort;
  /** Portage's lock files that are held, in the order in which they were taken. */
  readonly locks: readonly Bytes[];
  readonly root: OpenDirectories;
  readonly real: RealPaths;
  readonly vdb: Vdb | undefined;
  /** The package that is merged, or goes. */
  readonly name: PackageName | undefined;
  /** Versions that go, the earliest first. */
  readonly going: readonly GoingVersion[];
  readonly installed: Installed;
  /** What other versions list that stay in the slot of one that goes. */
  readonly staying: readonly ContentsEntry[];
  /** undefined: nothing is merged. */
  readonly image: ImageList | undefined;
  /** Instead of a database: the list of paths. */
  readonly contents: Bytes | undefined;
  readonly buildInfo: ReadonlyMap<Bytes, Buffer>;
  /** With its subslot. */
  readonly slot: string | undefined;
  readonly counter: number;
  /** An older version than the installed one is merged. */
  readonly isDowngrade: boolean;
  readonly protect: ConfigProtect;
  readonly memory: ConfigMemory;
  /** Libraries that packages keep for others. */
  readonly preserved: readonly Preserved[];
}

const SLOT: Bytes = ascii('SLOT');
/** Of one file of the build info; compressed environments are far below. */
const BUILD_INFO_BYTES_MAX = 64 * 1024 * 1024;
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Takes Portage's locks and reads what is installed, what the image brings and what is protected.
 * @throws MergeError LOCKED, VDB_DAMAGED, CONTENTS_DAMAGED, NOT_INSTALLED, BAD_OPTION
 */
export function* readLedger(request: PackageRequest, context: LedgerContext): Steps<LedgerFacts> {
  const { fs } = context;
  const isMerged = context.image !== undefined;
  using held = new DisposableStack();
  const root = held.use(new OpenDirectories(fs, context.root));
  const name = request.package === undefined ? undefined : parsePackageName(request.package);
  const buildInfo = request.buildInfo === undefined ? new Map() : readBuildInfo(request.buildInfo, fs);
  const vdb = request.vdb === undefined ? undefined : held.use(new Vdb(context.root, request.vdb, fs));
  const locks: Bytes[] = [];
  const hold = (lock: VdbLock | undefined): void => {
    if (lock !== undefined) locks.push(held.use(lock).path);
  };
  if (vdb !== undefined && context.locks) hold(lockVdb(vdb));
  // Taking the lock may have made directories: now nobody changes them any more.
  const real = new RealPaths(fs, root);
  const places = realPlaces(placesOf(request.vdb), real);
  if (context.locks) for (const path of [places.memory, places.registry]) hold(lockExisting({ fs, root }, path));
  const config =
    request.portageConfig && readPortageConfig(fs, root, { prefix: places.prefix, environment: request.portageConfig });
  const settings = settle(request.said, config);
  const contents = request.contents === undefined ? undefined : placeOf(request.contents, real);
  let slot: string | undefined;
  let going: readonly GoingVersion[] = [];
  if (vdb !== undefined && name !== undefined) {
    if (isMerged) slot = slotOf(name, request, buildInfo);
    going = installedVersions(vdb, name, slot, request.replace);
    if (context.locks) locks.push(...lockSlots(slotsOf(name, slot, going), going, vdb, held));
  } else if (contents !== undefined) {
    going = listedVersion(contents, !isMerged, root, fs);
  }
  const image = context.image === undefined ? undefined : yield* listWhole(context.image, settings, context);
  const facts = {
    request,
    settings,
    places,
    fs,
    locks,
    root,
    real,
    vdb,
    name,
    going,
    staying: vdb === undefined ? [] : stayingBeside(vdb, going),
    installed: new Installed(going, real, root, fs),
    image,
    contents,
    buildInfo,
    slot,
    counter: vdb === undefined || image === undefined ? 0 : nextCounter(vdb, places.counter),
    isDowngrade: name !== undefined && isDowngrade(name, going),
    protect: readConfigProtect(settings.configProtect, settings.configProtectMask, fs, root),
    memory: readMemory(places.memory, root, fs),
    preserved: vdb === undefined ? [] : readRegistry(places.registry, root, fs),
  };
  const kept = held.move();
  return { ...facts, [Symbol.dispose]: () => kept.dispose() };
}

/** With its subslot. */
function slotOf(name: PackageName, request: PackageRequest, buildInfo: ReadonlyMap<Bytes, Buffer>): string {
  const slot = request.slot ?? buildInfo.get(SLOT)?.toString('utf8').trim();
  if (slot !== undefined && slot !== '') return checkSlot(slot);
  throw new MergeError('BAD_OPTION', `the slot of ${showPackage(name)} is not known: the build info has no SLOT`);
}

/** Of another package that is replaced no version can be compared with. */
function isDowngrade({ category, pn, version }: PackageName, going: readonly GoingVersion[]): boolean {
  const latest = going.findLast(({ entry }) => entry?.name.category === category && entry.name.pn === pn)?.entry;
  return latest !== undefined && compareVersions(version, latest.name.version) < 0;
}

function* listWhole(
  top: DirHandle,
  { installMask: patterns }: PackageSettings,
  { excluded, fs }: LedgerContext,
): Steps<ImageList> {
  using image = new OpenDirectories(fs, top);
  const mask = patterns.trim() === '' ? undefined : installMask(patterns);
  try {
    return yield* listImage(image, excluded, mask, fs);
  } catch (error) {
    throw explain(error, 'IMAGE_UNREADABLE', 'the image cannot be read');
  }
}

/** Regular files by name. */
function readBuildInfo(path: Bytes, fs: FsPort): Map<Bytes, Buffer> {
  const found = new Map<Bytes, Buffer>();
  try {
    using closing = new DisposableStack();
    const dir = closing.adopt(fs.openRoot(path), (open) => fs.closeDir(open));
    for (const { name } of fs.list(dir)) {
      const stat = fs.stat(dir, name);
      if (stat?.type !== 'file') continue;
      if (stat.size > BUILD_INFO_BYTES_MAX)
        throw new MergeError(
          'BAD_OPTION',
          `${quoted(name)} of the build info has ${stat.size} bytes: that is no build info`,
        );
      const file = fs.openFile(dir, name);
      try {
        found.set(name, readWhole(file, fs));
      } finally {
        fs.closeFile(file);
      }
    }
    return found;
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new MergeError('BAD_OPTION', `the build info ${quoted(path)} cannot be read (${error.code})`, {
      cause: error,
    });
  }
}

function readRegistry(path: Bytes, root: OpenDirectories, fs: FsPort): readonly Preserved[] {
  const content = readBelow(fs, root, path, MEMORY_BYTES_MAX);
  if (content !== undefined && 'code' in content) throw refuse([content]);
  return content === undefined ? [] : parseRegistry(content, path);
}

/** Junk in it says nothing about any file: it is an error, for what is written back would lose it. */
function readMemory(path: Bytes, root: OpenDirectories, fs: FsPort): ConfigMemory {
  let content: ReturnType<typeof readBelow>;
  try {
    content = readBelow(fs, root, path, MEMORY_BYTES_MAX);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return new Map();
    throw error;
  }
  if (content === undefined) return new Map();
  if ('code' in content) throw refuse([content]);
  const { memory, problems } = parseConfigMemory(content);
  if (problems.length === 0) return memory;
  throw refuse(
    problems.map(({ line, why }) => ({
      code: 'CONFIG_MEMORY_INVALID',
      path,
      message: `${quoted(path)}, line ${line}: ${why}`,
    })),
  );
}
