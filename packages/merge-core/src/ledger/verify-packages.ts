/**
 * Compares installed packages with what is in the root now, several files at a time. Reads only, and takes no lock: a merge
 * that goes on meanwhile may show as changed. Not guaranteed: that a file system which never answers is not waited for.
 */

import { availableParallelism } from 'node:os';
import { ascii, prlimit, RLIMIT_NOFILE, toBytes } from '@emplace/syscalls';
import { MergeError, type Problem, quotedText } from '../errors.ts';
import { type AskedDatabase, type DatabaseOptions, openAskedDatabase } from './asked-database.ts';
import { showPackage } from './package-name.ts';
import type { PathText } from './package-request.ts';
import { placesOf } from './places.ts';
import { readPortageConfig } from './portage-config.ts';
import { CONTENTS, type VdbDirectory } from './vdb.ts';
import type { VerifyCounts } from './verify.ts';
import { Collector, sum, type VerifiedPackage } from './verify-collector.ts';
import { verifyByThreads } from './verify-crew.ts';
import { type UnitResult, UnitVerifier, type VerifyJob, type VerifyUnit } from './verify-work.ts';

export interface VerifyPackagesOptions extends DatabaseOptions {
  /** `CATEGORY/PF`, `CATEGORY/PN` or `PN` (all versions). Default: all. */
  readonly packages?: readonly string[];
  /** Size and time of a file stand for its content, where our record has both. */
  readonly quick?: boolean;
  /** Pass over files that `configProtect` holds: to be changed is what they are for. */
  readonly ignoreConfig?: boolean;
  /** Default `/etc`, or with `portageConfig` what that says. */
  readonly configProtect?: readonly PathText[];
  /** Default `/etc/env.d`. */
  readonly configProtectMask?: readonly PathText[];
  readonly portageConfig?: boolean;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /**
   * Threads that read, this one among them; between some hundred entries and the next timers and signals run in it. Default: as many
   * as there are processors, for more than a little. 0, and always with `fs`: this one, without a pause.
   */
  readonly threads?: number;
  /** Called for each package once all of it was looked at, in the order of the report. */
  readonly onPackage?: (verified: VerifiedPackage) => void;
}

export interface VerifyReport {
  /** Nothing was found, and nothing is wrong with the database. */
  readonly isWhole: boolean;
  readonly counts: VerifyCounts;
  /** Sorted by name. */
  readonly packages: readonly VerifiedPackage[];
  /** What is wrong with the database beside the entries that were looked at. */
  readonly problems: readonly Problem[];
}

/** CONTENTS of as many bytes (some 400 entries) is verified at a time: threads share large packages. */
const UNIT_BYTES = 32 * 1024;
/** To start a thread takes as long as to verify some thousand entries. */
const SHARED_BYTES_MIN = 16 * UNIT_BYTES;
/** More only wait for the disk. */
const THREADS_MAX = 16;
/** Of this process, for each thread: one that finds none left takes what it cannot open for unreadable, or cannot even load. */
const DESCRIPTORS_OF_ONE = 48;

/** @throws MergeError BAD_OPTION, ROOT_MISSING, ROOT_UNUSABLE, NOT_INSTALLED, VDB_DAMAGED, PORTAGE_CONFIG_INVALID */
export async function verify(options: VerifyPackagesOptions): Promise<VerifyReport> {
  using database = openAskedDatabase(options);
  const chosen = choose(database.vdb.directories(), options.packages ?? []);
  const job = jobOf(options, database);
  const sizes = chosen.map((of) => sizeOfContents(of, database));
  const units = chosen.flatMap((of, index) => unitsOf(of, sizes[index] ?? 0));
  const collected = new Collector(chosen, units, database.vdb.problems(), options);
  const threads = threadsOf(
    options,
    units.length,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  if (threads > 0) await verifyByThreads(job, units, threads, (number, result) => collected.add(number, result));
  else verifyHere(job, units, options, (number, result) => collected.add(number, result));
  const { packages } = collected;
  if (packages.length !== chosen.length) throw new Error('bug: a package was not verified');
  const problems = isAll(options) ? otherProblems(database, chosen) : [];
  const isWhole = packages.every((one) => one.findings.length + one.problems.length === 0) && problems.length === 0;
  return { isWhole, counts: sum(packages.map(({ counts }) => counts)), packages, problems };
}

function isAll({ packages }: VerifyPackagesOptions): boolean {
  return (packages?.length ?? 0) === 0;
}

/** @throws MergeError NOT_INSTALLED */
function choose(all: readonly VdbDirectory[], asked: readonly string[]): readonly VdbDirectory[] {
  if (asked.length === 0) return all;
  const chosen = new Set<VdbDirectory>();
  const missing: string[] = [];
  for (const text of asked) {
    const found = all.filter(({ name }) => [showPackage(name), `${name.category}/${name.pn}`, name.pn].includes(text));
    if (found.length === 0) missing.push(quotedText(text));
    for (const one of found) chosen.add(one);
  }
  if (missing.length > 0) throw new MergeError('NOT_INSTALLED', `not in the package database: ${missing.join(', ')}`);
  return all.filter((one) => chosen.has(one));
}

function jobOf(options: VerifyPackagesOptions, { root, path, vdb, fs }: AskedDatabase): VerifyJob {
  const { prefix } = placesOf(path);
  const config =
    options.portageConfig === true
      ? readPortageConfig(fs, vdb.root, { prefix, environment: options.environment ?? {} })
      : { configProtect: [ascii('/etc')], configProtectMask: [ascii('/etc/env.d')] };
  return {
    root,
    vdb: path,
    quick: options.quick ?? false,
    configProtect: options.configProtect?.map(toBytes) ?? config.configProtect,
    configProtectMask: options.configProtectMask?.map(toBytes) ?? config.configProtectMask,
  };
}

/** @param bytes of its CONTENTS */
function unitsOf(of: VdbDirectory, bytes: number): VerifyUnit[] {
  const parts = Math.max(1, Math.ceil(bytes / UNIT_BYTES));
  return Array.from({ length: parts }, (_, part) => ({ of, part, parts }));
}

/** 0 where it cannot be asked: reading it says why. */
function sizeOfContents({ directory }: VdbDirectory, { vdb, fs }: Pick<AskedDatabase, 'vdb' | 'fs'>): number {
  try {
    return fs.stat(vdb.root.at(directory), CONTENTS)?.size ?? 0;
  } catch {
    return 0;
  }
}

function threadsOf({ threads, fs }: VerifyPackagesOptions, units: number, bytes: number): number {
  if (fs !== undefined) return 0;
  const wanted = threads ?? (bytes < SHARED_BYTES_MIN ? 1 : availableParallelism());
  if (!Number.isInteger(wanted) || wanted < 0)
    throw new MergeError('BAD_OPTION', `\`threads\` is ${wanted}: it has to be a number from 0`);
  if (wanted < 2) return Math.min(wanted, units);
  const most = Math.max(1, Math.floor(prlimit(0, RLIMIT_NOFILE).soft / DESCRIPTORS_OF_ONE));
  return Math.min(wanted, units, most, THREADS_MAX);
}

function verifyHere(
  job: VerifyJob,
  units: readonly VerifyUnit[],
  { fs }: VerifyPackagesOptions,
  tell: (number: number, result: UnitResult) => void,
): void {
  using verifier = new UnitVerifier(job, fs);
  for (const [number, unit] of units.entries()) tell(number, verifier.verify(unit));
}

function otherProblems({ vdb }: AskedDatabase, chosen: readonly VdbDirectory[]): readonly Problem[] {
  const told = new Set(chosen.map(({ directory }) => directory));
  return vdb.problems().filter(({ path }) => !told.has(path));
}
