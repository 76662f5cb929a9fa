import { type DirHandle, type FsPort, linuxPort } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno, toBytes } from '@emplace/syscalls';
import { checkTree } from '../answering.ts';
import { below, DATABASE } from '../ledger/package-request.ts';
import { type Places, placesOf } from '../ledger/places.ts';
import { readPortageConfig } from '../ledger/portage-config.ts';
import { OpenDirectories } from '../open-directories.ts';
import { absolute } from '../options.ts';
import { openRootAlone } from '../trees.ts';
import type { ConfigOptions } from './model.ts';

/** A root that is looked at for updates. */
export interface ConfigSite extends Disposable {
  /** Absolute. */
  readonly path: Bytes;
  readonly top: DirHandle;
  readonly root: OpenDirectories;
  readonly places: Places;
  /** The package database below the root, there or not. */
  readonly vdb: Bytes;
  readonly durable: boolean;
  readonly fs: FsPort;
}

/** @throws MergeError ROOT_MISSING, ROOT_UNUSABLE, BAD_OPTION, RENAME_HANGS, NOT_ANSWERING */
export function openConfigSite(options: ConfigOptions): ConfigSite {
  const fs = options.fs ?? linuxPort();
  const path = absolute(options.root, 'root');
  const vdb = options.vdb === undefined ? DATABASE : below(path, absolute(options.vdb, 'package database'), 'vdb');
  checkTree(path, fs);
  using opened = new DisposableStack();
  const top = opened.use(openRootAlone(path, fs)).root;
  const root = opened.use(new OpenDirectories(fs, top));
  const kept = opened.move();
  return {
    ...{ path, top, root, vdb, fs },
    places: placesOf(vdb),
    durable: (options.sync ?? 'full') === 'full',
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** CONFIG_PROTECT, as it is written. @throws MergeError PORTAGE_CONFIG_INVALID */
export function protectedPaths(
  { configProtect, portageConfig, environment }: ConfigOptions,
  site: ConfigSite,
): Bytes[] {
  if (configProtect !== undefined) return configProtect.map(toBytes);
  if (portageConfig !== true) return [ascii('/etc')];
  const { prefix } = site.places;
  return [...readPortageConfig(site.fs, site.root, { prefix, environment: environment ?? {} }).configProtect];
}

/** Whether the root has the directory. */
export function isThere(path: Bytes, { root }: ConfigSite): boolean {
  try {
    root.at(path);
    return true;
  } catch (error) {
    if (isErrno(error)) return false;
    throw error;
  }
}
