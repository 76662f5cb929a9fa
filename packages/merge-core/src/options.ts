import { readlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type FsPort, holdersOf, linuxPort, ProcUnavailableError, type Site, type SiteFacts } from '@emplace/fsprobe';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { MergeError, quotedText } from './errors.ts';
import type { Emit } from './events.ts';
import { GLOB_BYTES_MAX } from './hooks/glob.ts';
import type { Hook } from './hooks/hook.ts';
import type { HookSettings } from './hooks/run-hooks.ts';
import { type PackageOptions, type PackageRequest, packageRequest } from './ledger/package-request.ts';
import { type Losable, losable } from './plan/carry.ts';
import { mountName } from './plan/mount-name.ts';
import type { PlanRequest } from './plan/request.ts';
import { newTransaction } from './staged-names.ts';
import type { HookPhase } from './steps.ts';
import { builtIn, checkChoice } from './strategy/select.ts';
import type { Strategy } from './strategy/strategy.ts';
import type { StartedMover } from './supervise/start-ahead.ts';
import { ALONE, THREADS_MAX, type ThreadTerms } from './threads/setup.ts';
import type { ChangedPath } from './transaction/changed-paths.ts';
import type { RecoverRequest } from './transaction/recover.ts';

/** What every operation on a root takes. */
export interface RootOptions {
  /** The root directory. Text is UTF-8; a relative path starts at the current directory. Bytes for a name that is not. */
  readonly root: string | Uint8Array;
  /** `full`: survives a power cut. `none`: (G4) is given up, everything else holds. Default `full`. */
  readonly sync?: 'full' | 'none';
  readonly onEvent?: Emit;
  /** Stops a merge at its next safe point before the commit point (it is rolled back); after it the merge is completed. */
  readonly signal?: AbortSignal;
  /** Work in this process: nothing watches for calls that never return. Default: in a process of its own; never for `sync` calls, nor with `fs`, `strategies` or `facts`, which are this process's. */
  readonly inProcess?: boolean;
  /** How long a call may take before its process is killed, milliseconds; reading and writing twice, a sync ten times as long. Default 60,000. */
  readonly stallTimeoutMs?: number;
  /** How long to wait for another merge on this root, milliseconds. Default 0. */
  readonly lockTimeoutMs?: number;
  /** The process to work in, from `startMoverAhead()`: it loaded meanwhile. Taken by the first that works in one; who started it lets it go. */
  readonly mover?: StartedMover | undefined;
  /** Another file system than Linux's own, for tests. */
  readonly fs?: FsPort;
}

export interface MergeOptions extends RootOptions {
  /** The image directory (`$D`). */
  readonly image: string | Uint8Array;
  /** `auto` or the name of one strategy, which is then the only one. Default `auto`. */
  readonly strategy?: string;
  /** false: no link(2) call at all, for staging, undo or anything else (G8). Default true. */
  readonly hardlink?: boolean;
  /** Leave the image whole. Default false: it is consumed. */
  readonly keepImage?: boolean;
  /** Let a directory and something else change places. Default false: refused. */
  readonly replaceTypes?: boolean;
  /** Directories that the root has: `keep` them as they are, or give them the `image`'s owner, mode, xattrs and time. Default `keep`. */
  readonly directories?: 'keep' | 'image';
  /** Globs below the image that stay out of the merge. */
  readonly exclude?: readonly string[];
  /** `none`: old entries are not kept; once committed a merge can then only be completed. Default `auto`. */
  readonly undo?: 'auto' | 'none';
  /** A file of the root that is a mount point, and so cannot be renamed over: `refuse` it, or write through it `in-place`, which others see half done. Default `refuse`. */
  readonly busy?: 'refuse' | 'in-place';
  /** What entries may lose where the root's file system cannot carry it (vfat, some FUSE). Default: nothing, it is refused. */
  readonly lossy?: readonly Losable[];
  /** What the caller knows of a site: taken for measured. */
  readonly facts?: (site: Site) => SiteFacts;
  /** Programs to run at its phases (see `commandHook`, `readHooks`). Not with `mergeSync`. */
  readonly hooks?: readonly Hook[];
  readonly hookSettings?: HookSettings;
  /** Keep a record of what is merged: Portage's database or a list of paths, with config protection, collisions, what is obsolete. */
  readonly ledger?: PackageOptions;
  /** Only plan. Nothing is written, not even the lock, so what can only be measured by writing is believed of the mounts. */
  readonly dryRun?: boolean;
  /** Strategies of the caller's own, tried by `auto` after the built-in ones. */
  readonly strategies?: readonly Strategy[];
}

export interface RecoverOptions extends RootOptions {
  /** Bring the old tree back even after the commit point, where undo was kept. */
  readonly rollback?: boolean;
}

/** What a package that goes is asked with. */
export interface UnmergeOptions
  extends Omit<
    MergeOptions,
    'image' | 'strategy' | 'strategies' | 'keepImage' | 'replaceTypes' | 'directories' | 'exclude' | 'busy' | 'lossy'
  > {
  readonly ledger: PackageOptions;
}

/** Checked options, ready to use. */
export interface MergeRequest extends PlanRequest {
  readonly root: Bytes;
  readonly ledger?: PackageRequest;
  readonly durable: boolean;
  readonly dryRun: boolean;
  readonly facts: (site: Site) => SiteFacts;
  /** Phases at which somebody waits for hooks. */
  readonly hooks: readonly HookPhase[];
  /** Told what will change, before the first hook. */
  readonly changing: (changes: Iterable<ChangedPath>) => void;
  readonly emit: Emit;
  readonly fs: FsPort;
  /** `page`: the descriptor of memory in which each thread writes down its calls. */
  readonly threads: ThreadTerms & { readonly page?: number };
}

/** What a recovery is asked for, ready to use. */
export interface RecoverOrder extends RecoverRequest {
  readonly root: Bytes;
  readonly fs: FsPort;
}

/** @throws MergeError BAD_OPTION */
export function recoverOrder(options: RecoverOptions): RecoverOrder {
  return {
    root: absolute(options.root, 'root'),
    rollback: options.rollback ?? false,
    durable: isDurable(options),
    emit: options.onEvent ?? (() => {}),
    fs: options.fs ?? linuxPort(),
  };
}

/** @throws MergeError UNKNOWN_STRATEGY, BAD_OPTION */
export function mergeRequest(options: MergeOptions): MergeRequest {
  const root = absolute(options.root, 'root');
  return requestOf(options, {
    root,
    image: absolute(options.image, 'image'),
    ...(options.ledger && { ledger: packageRequest(options.ledger, root, absolute) }),
  });
}

/** @throws MergeError BAD_OPTION */
export function unmergeRequest(options: UnmergeOptions): MergeRequest {
  const root = absolute(options.root, 'root');
  const ledger = packageRequest(options.ledger, root, absolute);
  if (ledger.package === undefined && ledger.contents === undefined)
    throw new MergeError('BAD_OPTION', 'what to unmerge is not said: `package` or `contents` is missing');
  return requestOf(options, { root, image: undefined, ledger });
}

function requestOf(
  options: Omit<MergeOptions, 'image' | 'ledger'>,
  trees: Pick<MergeRequest, 'root' | 'image' | 'ledger'>,
): MergeRequest {
  const registry = [...builtIn, ...(options.strategies ?? [])];
  const request: MergeRequest = {
    transaction: newTransaction(),
    ...trees,
    strategy: options.strategy ?? 'auto',
    links: options.hardlink ?? true,
    keepImage: options.keepImage ?? false,
    replaceTypes: options.replaceTypes ?? false,
    directories: options.directories ?? 'keep',
    exclude: options.exclude ?? [],
    undo: options.undo ?? 'auto',
    busy: options.busy ?? 'refuse',
    lossy: checkLossy(options.lossy ?? []),
    ...(options.fs === undefined ? host : elsewhere),
    ...(options.facts && { facts: options.facts }),
    hooks: [],
    changing: () => {},
    durable: isDurable(options),
    dryRun: options.dryRun ?? false,
    emit: options.onEvent ?? (() => {}),
    fs: options.fs ?? linuxPort(),
    threads:
      options.fs === undefined && options.strategies === undefined ? { count: threadsHere(), always: false } : ALONE,
    registry,
  };
  checkChoice(request);
  for (const glob of request.exclude) {
    if (glob.replaceAll('/', '') === '')
      throw new MergeError('BAD_OPTION', `the glob ${quotedText(glob)} to exclude is empty`);
    if (glob.length > GLOB_BYTES_MAX)
      throw new MergeError('BAD_OPTION', `a glob to exclude of ${glob.length} characters is longer than any path`);
  }
  return request;
}

function threadsHere(): number {
  return Math.min(availableParallelism(), THREADS_MAX);
}

type Surroundings = Pick<MergeRequest, 'facts' | 'mountName' | 'holders'>;

/** What a merge asks of the system around it, beside the calls of its port. */
export const host: Surroundings = {
  facts: () => ({}),
  mountName,
  holders: (files) => {
    try {
      return holdersOf(files).holders;
    } catch (error) {
      // Where /proc is not to be read a warning names nobody.
      if (error instanceof ProcUnavailableError) return [];
      throw error;
    }
  },
};

/** What is in memory no process of this system holds or has mounted. */
const elsewhere: Surroundings = { facts: () => ({}), mountName: (id) => `mount ${id}`, holders: () => [] };

function checkLossy(lossy: readonly Losable[]): readonly Losable[] {
  const unknown = lossy.find((one) => !losable.includes(one));
  if (unknown === undefined) return lossy;
  throw new MergeError('BAD_OPTION', `${quotedText(unknown)} is nothing that can be lost: ${losable.join(', ')}`);
}

function isDurable({ sync }: RootOptions): boolean {
  return (sync ?? 'full') === 'full';
}

/** As bytes: Node's own process.cwd() is lossy for a name that is not UTF-8. */
function currentDirectory(): Bytes {
  try {
    return toBytes(readlinkSync('/proc/self/cwd', 'buffer'));
  } catch {
    // No /proc: then what Node knows has to do.
    return toBytes(process.cwd());
  }
}

/** @throws MergeError BAD_OPTION for an empty path or one with a NUL. */
export function absolute(path: string | Uint8Array, what: string): Bytes {
  const bytes = toBytes(path);
  if (bytes === '' || bytes.includes('\0'))
    throw new MergeError('BAD_OPTION', `the path of the ${what} is empty or has a NUL byte`);
  if (bytes.startsWith('/')) return bytes;
  return `${currentDirectory()}/${bytes}` as Bytes;
}
