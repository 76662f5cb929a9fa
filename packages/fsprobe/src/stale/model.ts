import type { Bytes } from '@emplace/syscalls';
import type { Identity } from '../processes/read.ts';

/**
 * What is wrong with a file that a process holds.
 * `image-path`: a path of an image or build directory; `staged-name`: a name that an installer uses until it is done.
 * `replaced-*`: another file lies at its path. `deleted`: none does. `moved-aside`: it lives on under another name.
 * `fileless`: the program was never on a disk. `pinned-by-mount`: a mount holds it: a new process gets the old file too.
 */
export const staleClasses = [
  'image-path',
  'replaced-executable',
  'replaced-library',
  'deleted',
  'moved-aside',
  'modified-in-place',
  'staged-name',
  'replaced-descriptor',
  'changed-script',
  'deleted-directory',
  'fileless',
  'pinned-by-mount',
  'benign',
] as const;
export type StaleClass = (typeof staleClasses)[number];

export type Confidence = 'high' | 'medium' | 'low';

/** By what a process holds a file. `mapping`: mapped, not to be executed. */
export type HeldAs = 'exe' | 'library' | 'mapping' | 'script' | 'descriptor' | 'cwd' | 'root';

/** One file that one process holds and that is not what lies at its path now. */
export interface Finding {
  readonly class: StaleClass;
  readonly confidence: Confidence;
  readonly held: HeldAs;
  /** As the kernel renders it, any bytes, ` (deleted)` and all. */
  readonly shown: Bytes;
  /** Where its successor lies (or lay), as the process's root sees it where it is below that: what a package owns. */
  readonly path: Bytes | undefined;
  /** Words for a person, why. Plain text of our own, without names. */
  readonly evidence: readonly string[];
  /** The file shows a path of an image or build directory, or a staged name. */
  readonly leaks: boolean;
  readonly heldFile?: Identity;
  readonly presentFile?: Identity;
  /** `CATEGORY/PF`, `libc6:amd64 2.41-12`; from `owners`. */
  readonly owners: readonly string[];
}

/** What has to be started anew for a process to run current files. */
export interface Service {
  readonly kind: 'system-unit' | 'user-unit' | 'session' | 'openrc' | 'container' | 'init' | 'kernel' | 'process';
  /** What it is grouped by: the unit, the session, the container's id, the command. */
  readonly name: string;
  /** One thing to do: `systemctl restart nginx.service`, `log out …`, `systemctl daemon-reexec`. */
  readonly advice: string;
  readonly restartable: boolean;
}

/**
 * `chroot`: of our mount namespace, with a root below ours. `container`: of another one, whose root is another directory;
 * a service that has mounts of its own and all else in common with us is of the `host`.
 */
export type ProcessPlace = 'host' | 'chroot' | 'container';

export interface ScannedProcess {
  readonly pid: number;
  readonly uid: number;
  /** As it calls itself: up to 15 bytes of any kind. */
  readonly command: Bytes;
  readonly arguments: readonly Bytes[];
  /** Seconds since 1970. */
  readonly started: number;
  /** The text of /proc/PID/cgroup; undefined where there is none. */
  readonly cgroup: Bytes | undefined;
  readonly service: Service;
  readonly place: ProcessPlace;
  /** Where the paths of its files are looked up from here: `/` or `/proc/PID/root`. */
  readonly root: Bytes;
  readonly findings: readonly Finding[];
}

export interface ScanCounts {
  /** All that were looked at, this one included; kernel threads and those that were gone are not. */
  readonly processes: number;
  /** Of those, how many could not be read in whole: nothing is known of the rest. */
  readonly unread: number;
  /** There may be processes that are not even listed. */
  readonly hidden: boolean;
  /** Ended while they were being read. */
  readonly gone: number;
  readonly kernelThreads: number;
  /** Containers whose package databases were not read in whole, for that took too long. */
  readonly unreadDatabases: number;
}

export interface ScanReport {
  /** Only those with findings, by their number. */
  readonly processes: readonly ScannedProcess[];
  readonly counts: ScanCounts;
  /** Seconds since 1970. */
  readonly booted: number;
  /** When the scan began. Seconds since 1970. */
  readonly scanned: number;
  readonly durationMs: number;
}

/** Packages of paths, all asked at once. */
export interface OwnerFinder {
  readonly name: string;
  /**
   * @param root `/` or `/proc/PID/root`: where to look for the records and what the paths are below
   * @param untilMs of performance.now(): after it no more is read, and what was not found by then has no owner
   * @returns only those that have an owner
   */
  ownersOf(paths: ReadonlySet<Bytes>, root: Bytes, untilMs?: number): ReadonlyMap<Bytes, readonly string[]>;
}

export interface ScanOptions {
  /** Only these processes. */
  readonly pids?: readonly number[];
  /** Only processes of these users, by uid. */
  readonly users?: readonly number[];
  /** Further directories where packages are built or unpacked. */
  readonly imageDirectories?: readonly (string | Uint8Array)[];
  /** Only findings of these classes. */
  readonly classes?: readonly StaleClass[];
  /** Look at open descriptors and at data that is mapped too. */
  readonly descriptors?: boolean;
  /** Report what is no stale code too, as `benign`. */
  readonly benign?: boolean;
  readonly owners?: readonly OwnerFinder[];
}
