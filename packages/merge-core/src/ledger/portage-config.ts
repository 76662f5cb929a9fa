import type { FsPort } from '@emplace/fsprobe';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { type Problem, quoted, refuse } from '../errors.ts';
import { splitWords } from '../hooks/words.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { HERE, join } from '../paths.ts';
import { ConfigFiles, type Layer, type Value } from './portage-config-files.ts';

/** What of Portage's configuration bears on a merge. */
export interface PortageConfig {
  /** Below the root, with EPREFIX, for {@link readConfigProtect}. */
  readonly configProtect: readonly Bytes[];
  readonly configProtectMask: readonly Bytes[];
  /** Globs for {@link ignoreGlobs}. */
  readonly collisionIgnore: readonly Bytes[];
  readonly uninstallIgnore: readonly Bytes[];
  /** Patterns for {@link installMask}; with what FEATURES `nodoc`, `noinfo`, `noman` add. */
  readonly installMask: Bytes;
  /** FEATURES that are on, known here or not. */
  readonly features: ReadonlySet<string>;
}

export interface PortageConfigOptions {
  /** EPREFIX, a path below the root without a leading slash. */
  readonly prefix?: Bytes;
  /** What the caller's environment says counts last. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Variables that bear on a merge. */
export const portageVariables = [
  'CONFIG_PROTECT',
  'CONFIG_PROTECT_MASK',
  'COLLISION_IGNORE',
  'UNINSTALL_IGNORE',
  'INSTALL_MASK',
  'FEATURES',
] as const;

/** What make.globals says (see make.conf(5)), for a root that has none. */
const DEFAULTS: Layer = new Map<string, Value>([
  ['CONFIG_PROTECT', '/etc'],
  ['CONFIG_PROTECT_MASK', '/etc/env.d'],
  ['COLLISION_IGNORE', '/lib/modules/* *.py[co] *$py.class */dropin.cache'],
  ['UNINSTALL_IGNORE', '/lib/modules/*'],
  [
    'FEATURES',
    'config-protect-if-modified merge-sync preserve-libs protect-owned sfperms unmerge-logs unmerge-orphans',
  ],
]);

/**
 * Reads the configuration of Portage in a root: `etc/env.d`, then `make.globals`, `make.conf` (a file or a directory of files) and
 * the environment. Profiles are not read: what a profile sets has to come by the environment or make.conf.
 * Files are read as a shell would read them, but nothing is ever executed.
 *
 * @throws MergeError PORTAGE_CONFIG_INVALID with all that is wrong, by file and line
 */
export function readPortageConfig(
  fs: FsPort,
  root: OpenDirectories,
  { prefix = HERE, environment = {} }: PortageConfigOptions = {},
): PortageConfig {
  const files = new ConfigFiles(fs, root, new Map([['EPREFIX', prefix === HERE ? '' : `/${prefix}`]]));
  const envD = files.readEnvD(join(prefix, 'etc/env.d' as Bytes));
  const globals = files.read([join(prefix, 'usr/share/portage/config/make.globals' as Bytes)]) ?? DEFAULTS;
  const conf = files.read(['etc/make.conf', 'etc/portage/make.conf'].map((path) => join(prefix, path as Bytes)));
  const layers = [envD, globals, conf ?? new Map(), layerOf(environment)];
  const problems = [...files.problems];

  const features = new Set<string>(stack('FEATURES', layers, problems));
  const debug: Bytes[] = features.has('packdebug') ? ['/usr/lib/debug/.tarball/*' as Bytes] : [];
  const config: PortageConfig = {
    configProtect: below(prefix, stack('CONFIG_PROTECT', layers, problems)),
    configProtectMask: below(prefix, stack('CONFIG_PROTECT_MASK', layers, problems)),
    collisionIgnore: [...globs('COLLISION_IGNORE', layers, problems), ...debug],
    uninstallIgnore: [...globs('UNINSTALL_IGNORE', layers, problems), ...debug],
    installMask: [
      lastOf('INSTALL_MASK', layers, problems),
      ...['doc', 'info', 'man'].filter((kind) => features.has(`no${kind}`)).map((kind) => `/usr/share/${kind}`),
    ]
      .join(' ')
      .trim() as Bytes,
    features,
  };
  if (problems.length > 0) throw refuse(problems);
  return config;
}

function layerOf(environment: Readonly<Record<string, string | undefined>>): Layer {
  const layer: Layer = new Map();
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) layer.set(name, toBytes(value));
  return layer;
}

/** An incremental variable: each layer adds words to those before it, `-word` takes one away, `-*` all. */
function stack(name: string, layers: readonly Layer[], problems: Problem[]): Bytes[] {
  const words = new Set<string>();
  for (const layer of layers) {
    for (const word of textOf(name, layer, problems).split(/\s+/)) {
      if (word === '-*') words.clear();
      else if (word.startsWith('-')) words.delete(word.slice(1));
      else if (word !== '') words.add(word.replace(/^\+/, ''));
    }
  }
  return [...words] as Bytes[];
}

/** Any other variable: the last layer that has it decides. */
function lastOf(name: string, layers: readonly Layer[], problems: Problem[]): string {
  const layer = layers.findLast((each) => each.has(name));
  return layer === undefined ? '' : textOf(name, layer, problems);
}

function globs(name: string, layers: readonly Layer[], problems: Problem[]): Bytes[] {
  const text = lastOf(name, layers, problems).replace(/\s/g, ' ') as Bytes;
  const words = splitWords(text);
  if (words === undefined) problems.push(invalid(`${name} has a quote that is never closed: ${quoted(text)}`));
  return words ?? [];
}

function textOf(name: string, layer: Layer, problems: Problem[]): string {
  const value = layer.get(name) ?? '';
  if (typeof value === 'string') return value;
  problems.push(invalid(`${quoted(value.file)}, line ${value.line}: ${name} cannot be told: ${value.why}`, value.file));
  return '';
}

function invalid(message: string, path: Bytes = HERE): Problem {
  return { code: 'PORTAGE_CONFIG_INVALID', path, message };
}

function below(prefix: Bytes, paths: readonly Bytes[]): Bytes[] {
  return paths.map((path) => join(prefix, path.replace(/^\/+/, '') as Bytes));
}
