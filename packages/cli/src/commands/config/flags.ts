import {
  allConfigUpdates,
  type ChosenUpdate,
  type ConfigOptions,
  type ConfigUpdateList,
  MergeError,
  selectConfigUpdates,
} from '@emplace/merge-core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { databaseFlags } from '../../database-flags.ts';
import { given, portageOptionsOf, protectionFlags } from '../../package-flags.ts';

/** Which root, and what of it is protected. */
export const siteFlags = {
  ...databaseFlags,
  'config-protect': protectionFlags['config-protect'],
  'portage-config': protectionFlags['portage-config'],
};

/** For what writes. */
export const syncFlag = {
  sync: Flags.option({ options: ['full', 'none'] as const, default: 'full' as const })({
    summary: 'survive a power cut, or be quicker and not',
  }),
};

export const fileArgs = {
  file: Args.string({
    ignoreStdin: true,
    multiple: true,
    description: 'a protected file or one of its updates, by path, or by its number in `config list`',
  }),
};

export const FILE_HELP = `FILE is the number that \`config list\` shows, or a path: an absolute one is as seen from the root, a relative one starts at the
current directory. A file stands for its newest update; older ones are obsolete and go with it. Numbers are those of the moment: name
several files in one call rather than one after the other.`;

interface SiteFlags {
  readonly root: string;
  readonly vdb?: string | undefined;
  readonly 'config-protect'?: readonly string[] | undefined;
  readonly 'portage-config'?: boolean | undefined;
  readonly sync?: 'full' | 'none' | undefined;
}

export function configOptionsOf(flags: SiteFlags): ConfigOptions {
  return {
    ...given({ vdb: flags.vdb, configProtect: flags['config-protect'], sync: flags.sync }),
    ...portageOptionsOf(flags),
    root: flags.root,
  };
}

/** Those that are named. @throws MergeError CONFIG_UPDATE_UNKNOWN; BAD_OPTION when none is, and not all are meant */
export function chosenFrom(
  { files }: ConfigUpdateList,
  names: readonly string[] | undefined,
  root: string,
  all: boolean,
): ChosenUpdate[] {
  if (names !== undefined && names.length > 0) return selectConfigUpdates(files, names, root);
  if (all) return allConfigUpdates(files);
  throw new MergeError('BAD_OPTION', 'no file is named: say which, or that all are meant');
}
