import { posix } from 'node:path';
import { ascii, type Bytes, show, toBytes } from '@emplace/syscalls';
import { MergeError, quotedText } from '../errors.ts';
import { type DigestName, digestNames } from './digests.ts';
import { parsePackageName } from './package-name.ts';

/** What to do about files of the root that the package does not own and would overwrite. */
export const collisionPolicies = ['protect-owned', 'refuse', 'warn', 'ignore'] as const;
export type CollisionPolicy = (typeof collisionPolicies)[number];

/** Text is UTF-8; bytes for what is not. */
export type PathText = string | Uint8Array;

/** What a package manager asks for beside the merge itself. */
export interface PackageOptions {
  /** `CATEGORY/PF`. */
  readonly package?: string;
  /** Portage's package database, a directory in the root. Default with `package`: `var/db/pkg` there. */
  readonly vdb?: PathText;
  /** A directory whose files become part of the database entry. */
  readonly buildInfo?: PathText;
  /** Default: what the build info says. */
  readonly slot?: string;
  /** Versions that give way, `CATEGORY/PF`. Default: what is installed of the package in the slot. */
  readonly replace?: readonly string[];
  /** Instead of a database: a file in the root that lists what is merged, in Portage's format. What it listed before and is not merged again goes. */
  readonly contents?: PathText;
  /** Take what is not said here from Portage's configuration in the root: make.globals, make.conf, env.d. */
  readonly portageConfig?: boolean;
  /** With `portageConfig`: variables that count before its files (CONFIG_PROTECT, FEATURES, INSTALL_MASK …). */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Default `protect-owned`: refused when another package owns one of the files, else told. */
  readonly collisions?: CollisionPolicy;
  /** Globs of paths in the root that may be overwritten, whoever owns them. */
  readonly collisionIgnore?: readonly PathText[];
  /** Paths in the root whose files are not overwritten but offered as `._cfgNNNN_NAME`. */
  readonly configProtect?: readonly PathText[];
  readonly configProtectMask?: readonly PathText[];
  /** false: a protected file that nobody changed is protected too. Default true. */
  readonly configProtectIfModified?: boolean;
  /** Offer again what was offered before. */
  readonly noConfMem?: boolean;
  /** Portage's patterns of what stays out. */
  readonly installMask?: PathText;
  /** For the record beside CONTENTS. Default `md5`, `sha256`. */
  readonly digests?: readonly DigestName[];
  /** Keep libraries of the old version that others need. */
  readonly preserveLibs?: boolean;
  /** Files of the old version stay where somebody changed them. Default: they go, as with Portage's unmerge-orphans. */
  readonly keepModified?: boolean;
  /** Believe the database of a file whose time is that of the merge: its content is not compared. Default false. */
  readonly mergeUseVdb?: boolean;
  /** Globs of paths that no version takes along when it goes. Default `/lib/modules/*`. */
  readonly uninstallIgnore?: readonly PathText[];
}

/** Checked, and plain data: it crosses a pipe. All paths are below the root. */
export interface PackageRequest {
  readonly package: string | undefined;
  readonly vdb: Bytes | undefined;
  /** Absolute: it need not lie in the root. */
  readonly buildInfo: Bytes | undefined;
  readonly slot: string | undefined;
  readonly replace: readonly string[];
  readonly contents: Bytes | undefined;
  readonly noConfMem: boolean;
  readonly digests: readonly DigestName[];
  /** Portage's configuration is to be read, with these variables before its files. */
  readonly portageConfig: Readonly<Record<string, string | undefined>> | undefined;
  readonly said: Partial<PackageSettings>;
}

/** What may be said by the caller, or by Portage's configuration. */
export interface PackageSettings {
  readonly collisions: CollisionPolicy;
  readonly collisionIgnore: readonly Bytes[];
  readonly configProtect: readonly Bytes[];
  readonly configProtectMask: readonly Bytes[];
  readonly configProtectIfModified: boolean;
  readonly installMask: Bytes;
  readonly preserveLibs: boolean;
  readonly keepModified: boolean;
  readonly mergeUseVdb: boolean;
  readonly uninstallIgnore: readonly Bytes[];
}

/** Where Portage keeps its package database, below the root. */
export const DATABASE: Bytes = ascii('var/db/pkg');

/**
 * @param root absolute
 * @param absolute makes a path of the caller's absolute
 * @throws MergeError BAD_OPTION
 */
export function packageRequest(
  options: PackageOptions,
  root: Bytes,
  absolute: (path: PathText, what: string) => Bytes,
): PackageRequest {
  const inRoot = (path: PathText | undefined, what: string): Bytes | undefined =>
    path === undefined ? undefined : below(root, absolute(path, what), what);
  for (const name of [options.package ?? [], options.replace ?? []].flat()) parsePackageName(name);
  const vdb = inRoot(options.vdb, 'package database') ?? (options.package === undefined ? undefined : DATABASE);
  if (vdb !== undefined && options.contents !== undefined)
    throw bad('`contents` is for package managers without a database: it cannot go with `vdb` or `package`');
  if (vdb !== undefined && options.package === undefined)
    throw bad('a package database needs to know the package: `package` is missing');
  if (vdb === undefined && (options.replace?.length ?? 0) > 0) throw bad('`replace` names packages of a database');
  return {
    package: options.package,
    vdb,
    buildInfo: options.buildInfo === undefined ? undefined : absolute(options.buildInfo, 'build info'),
    slot: options.slot === undefined ? undefined : checkSlot(options.slot),
    replace: options.replace ?? [],
    contents: inRoot(options.contents, 'CONTENTS file'),
    noConfMem: options.noConfMem ?? false,
    // CONTENTS has no other.
    digests: [...new Set<DigestName>(['md5', ...checkDigests(options.digests ?? ['sha256'])])],
    portageConfig: options.portageConfig === true ? (options.environment ?? {}) : undefined,
    said: settingsOf(options),
  };
}

function settingsOf(options: PackageOptions): Partial<PackageSettings> {
  const { collisions, configProtectIfModified, preserveLibs, keepModified, mergeUseVdb, installMask } = options;
  const { collisionIgnore, configProtect, configProtectMask, uninstallIgnore } = options;
  return {
    ...(collisions !== undefined && { collisions: oneOf(collisions, collisionPolicies, 'collisions') }),
    ...(collisionIgnore && { collisionIgnore: collisionIgnore.map(toBytes) }),
    ...(configProtect && { configProtect: configProtect.map(toBytes) }),
    ...(configProtectMask && { configProtectMask: configProtectMask.map(toBytes) }),
    ...(configProtectIfModified !== undefined && { configProtectIfModified }),
    ...(installMask !== undefined && { installMask: toBytes(installMask) }),
    ...(preserveLibs !== undefined && { preserveLibs }),
    ...(keepModified !== undefined && { keepModified }),
    ...(mergeUseVdb !== undefined && { mergeUseVdb }),
    ...(uninstallIgnore && { uninstallIgnore: uninstallIgnore.map(toBytes) }),
  };
}

function checkDigests(names: readonly DigestName[]): DigestName[] {
  return names.map((name) => oneOf(name, digestNames, 'digests'));
}

/**
 * A path below the root. A transaction changes the root and nothing else (G6).
 * @param root,path absolute; `..` is taken out as it is written
 * @throws MergeError BAD_OPTION
 */
export function below(root: Bytes, path: Bytes, what: string): Bytes {
  const [top, clean] = [root, path].map((one) => posix.normalize(one).replace(/\/+$/, '')) as [string, string];
  if (clean.startsWith(`${top}/`)) return clean.slice(top.length + 1) as Bytes;
  throw bad(`the ${what} \`${show(path)}\` does not lie in the root \`${show(root)}\``);
}

/** @throws MergeError BAD_OPTION */
export function checkSlot(slot: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9+_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9+_.-]*)?$/.test(slot)) return slot;
  throw bad(`${quotedText(slot)} is no slot`);
}

function oneOf<T extends string>(value: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw bad(`${quotedText(value)} is nothing for \`${option}\`: ${allowed.join(', ')}`);
}

function bad(message: string): MergeError {
  return new MergeError('BAD_OPTION', message);
}
