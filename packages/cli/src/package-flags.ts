import { collisionPolicies, digestNames, type PackageOptions, portageVariables } from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';

const GROUP = 'PACKAGE';
const PROTECTION = 'PROTECTION';

/** A flag that may be given several times, and takes one word each time. */
const listOf = (helpGroup: string, helpValue: string, summary: string) =>
  Flags.string({ multiple: true, multipleNonGreedy: true, helpGroup, helpValue, summary });

/** What is protected. */
export const protectionFlags = {
  'config-protect': listOf(
    PROTECTION,
    'PATH',
    'files in the root that are not overwritten but offered as `._cfgNNNN_NAME`',
  ),
  'config-protect-mask': listOf(PROTECTION, 'PATH', 'paths below those that are overwritten all the same'),
  'portage-config': Flags.boolean({
    helpGroup: PROTECTION,
    summary: `take what is not said here from ${portageVariables.slice(0, -1).join(', ')} and FEATURES in the environment, and from make.conf, make.globals and env.d in the root`,
  }),
};

/** Where a package is recorded, and Portage's configuration: for whatever changes one. */
const recordFlags = {
  vdb: Flags.string({
    helpGroup: GROUP,
    helpValue: 'DIR',
    summary: "Portage's package database, a directory in the root; with a package the default is `var/db/pkg` there",
  }),
  contents: Flags.string({
    helpGroup: GROUP,
    helpValue: 'FILE',
    summary: 'instead of a database: a file in the root that lists what is merged, in the format of CONTENTS',
  }),
  'keep-modified': Flags.boolean({
    allowNo: true,
    helpGroup: GROUP,
    summary: 'files of the old version stay where somebody changed them',
  }),
  'uninstall-ignore': listOf(GROUP, 'GLOB', 'paths that stay when a version goes; default `/lib/modules/*`'),
  ...protectionFlags,
};

export const unmergeFlags = recordFlags;

export const mergeFlags = {
  package: Flags.string({
    helpGroup: GROUP,
    helpValue: 'CATEGORY/PF',
    summary: 'record what is merged as this package',
  }),
  'build-info': Flags.string({
    helpGroup: GROUP,
    helpValue: 'DIR',
    dependsOn: ['package'],
    summary: 'a directory whose files become part of the database entry',
  }),
  slot: Flags.string({
    helpGroup: GROUP,
    helpValue: 'SLOT',
    dependsOn: ['package'],
    summary: 'default: what the build info says',
  }),
  replace: listOf(GROUP, 'CATEGORY/PF', 'a version that gives way; default: what is installed in the slot'),
  digests: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ',',
    options: [...digestNames],
    helpGroup: GROUP,
    helpValue: 'NAME',
    summary: 'of each file, for `emplace verify`: md5, sha256, blake2b; md5 always, default sha256',
  }),
  'merge-use-vdb': Flags.boolean({
    allowNo: true,
    helpGroup: GROUP,
    summary: 'believe the database of a file whose time is that of the merge: its content is not compared',
  }),
  'preserve-libs': Flags.boolean({
    allowNo: true,
    helpGroup: GROUP,
    summary: 'keep shared libraries of the old version that others need',
  }),
  'install-mask': listOf(GROUP, 'PATTERNS', "what stays out, by the rules of Portage's INSTALL_MASK"),
  collisions: Flags.option({ options: collisionPolicies })({
    helpGroup: PROTECTION,
    summary:
      'files of the root that the package would overwrite and does not own; protect-owned: refused when they are of another package',
  }),
  'collision-ignore': listOf(PROTECTION, 'GLOB', 'paths in the root that may be overwritten, whoever owns them'),
  'config-protect-if-modified': Flags.boolean({
    allowNo: true,
    helpGroup: PROTECTION,
    summary: 'protect only what somebody changed; this is the default',
  }),
  'no-confmem': Flags.boolean({ helpGroup: PROTECTION, summary: 'offer updates again that were offered before' }),
  ...recordFlags,
};

/** What the flags of both commands give. */
interface RecordFlags {
  readonly vdb?: string | undefined;
  readonly contents?: string | undefined;
  readonly 'keep-modified'?: boolean | undefined;
  readonly 'uninstall-ignore'?: readonly string[] | undefined;
  readonly 'config-protect'?: readonly string[] | undefined;
  readonly 'config-protect-mask'?: readonly string[] | undefined;
  readonly 'portage-config'?: boolean | undefined;
}

interface MergeFlags extends RecordFlags {
  readonly package?: string | undefined;
  readonly 'build-info'?: string | undefined;
  readonly slot?: string | undefined;
  readonly replace?: readonly string[] | undefined;
  readonly digests?: readonly string[] | undefined;
  readonly 'preserve-libs'?: boolean | undefined;
  readonly 'install-mask'?: readonly string[] | undefined;
  readonly collisions?: PackageOptions['collisions'] | undefined;
  readonly 'collision-ignore'?: readonly string[] | undefined;
  readonly 'config-protect-if-modified'?: boolean | undefined;
  readonly 'no-confmem'?: boolean | undefined;
  readonly 'merge-use-vdb'?: boolean | undefined;
}

/** undefined when no flag of packages or protection was given: then no ledger is kept. */
export function packageOptionsOf(flags: MergeFlags): PackageOptions | undefined {
  const options = given({
    package: flags.package,
    buildInfo: flags['build-info'],
    slot: flags.slot,
    replace: flags.replace,
    digests: flags.digests as PackageOptions['digests'],
    preserveLibs: flags['preserve-libs'],
    installMask: flags['install-mask']?.join(' '),
    collisions: flags.collisions,
    collisionIgnore: flags['collision-ignore'],
    configProtectIfModified: flags['config-protect-if-modified'],
    noConfMem: flags['no-confmem'],
    mergeUseVdb: flags['merge-use-vdb'],
    ...recordOptions(flags),
  });
  return Object.keys(options).length === 0 ? undefined : options;
}

/** @param name `CATEGORY/PF`; undefined when a list of paths tells what goes */
export function unmergeOptionsOf(flags: RecordFlags, name: string | undefined): PackageOptions {
  return given({ package: name, ...recordOptions(flags) });
}

function recordOptions(flags: RecordFlags) {
  return {
    vdb: flags.vdb,
    contents: flags.contents,
    keepModified: flags['keep-modified'],
    uninstallIgnore: flags['uninstall-ignore'],
    configProtect: flags['config-protect'],
    configProtectMask: flags['config-protect-mask'],
    ...portageOptionsOf(flags),
  };
}

/** With `--portage-config` the variables of this environment count, and no others: the rest of it is nobody's business. */
export function portageOptionsOf(
  flags: Pick<RecordFlags, 'portage-config'>,
): Pick<PackageOptions, 'portageConfig' | 'environment'> {
  if (flags['portage-config'] !== true) return {};
  const environment = Object.fromEntries(portageVariables.map((name) => [name, process.env[name]]));
  return { portageConfig: true, environment };
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what was not said. */
export function given<T extends object>(options: T): Given<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<T>;
}
