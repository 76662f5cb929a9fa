import { type Losable, losable, type MergeOptions, merge } from '@emplace/merge-core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { type Asked, hooksOf, OperationCommand } from '../operation-command.ts';
import { mergeFlags, packageOptionsOf } from '../package-flags.ts';
import { rootOptionsOf } from '../root-command.ts';

export class Merge extends OperationCommand {
  static override summary = 'Put an image tree onto a root: all of it, or nothing of it';

  static override description =
    `With --package the merge is recorded in Portage's database, in the same transaction, and what is obsolete of
older versions goes; with --contents in a list of paths. See docs/PACKAGES.md.

Exit codes: 0 done, 1 a bug, 2 usage, 3 refused and nothing changed, 4 failed and rolled back,
5 incomplete (run \`emplace recover\`), 6 locked by another merge, 7 merged, but a hook failed afterwards, 128 + n stopped by signal n and rolled back or done.`;

  static override examples = [
    '<%= config.bin %> merge /var/tmp/portage/app-misc/foo-1/image --root /',
    '<%= config.bin %> merge image --root /mnt/target --strategy copy --keep-image --dry-run',
    '<%= config.bin %> merge image --root / --package app-misc/foo-1 --build-info build-info --portage-config',
    '<%= config.bin %> merge --request - < request.json',
  ];

  static override args = {
    image: Args.string({ ignoreStdin: true, required: true, description: 'the image directory ($D)' }),
  };

  static override flags = {
    strategy: Flags.string({
      default: 'auto',
      helpValue: 'NAME',
      summary: 'auto, rename, double-rename, hardlink, reflink or copy; a named one is the only one',
    }),
    'keep-image': Flags.boolean({ summary: 'leave the image whole' }),
    'replace-types': Flags.boolean({ summary: 'let a directory and something else change places' }),
    directories: Flags.option({ options: ['keep', 'image'] as const, default: 'keep' as const })({
      summary: "existing directories: kept as they are, or given the image's attributes",
    }),
    exclude: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'GLOB',
      summary: 'leave matching entries out',
    }),
    busy: Flags.option({ options: ['refuse', 'in-place'] as const, default: 'refuse' as const })({
      summary: 'a file that is a mount point: refused, or written through, which others see half done',
    }),
    lossy: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      options: [...losable],
      helpValue: 'WHAT',
      summary: 'what entries may lose where the root cannot carry it: owner, mode, xattr, time, hardlink',
    }),
    ...mergeFlags,
  };

  async run(): Promise<object> {
    const { options, progress } = await this.asked('merge', () => this.#said());
    return this.tell(await this.supervised(progress, (how) => merge({ ...options, ...how })));
  }

  async #said(): Promise<Asked<MergeOptions>> {
    const { args, flags } = await this.parse(Merge);
    const ledger = packageOptionsOf(flags);
    const options: MergeOptions = {
      ...rootOptionsOf(flags),
      image: args.image,
      strategy: flags.strategy,
      hardlink: !flags['no-hardlink'],
      keepImage: flags['keep-image'],
      replaceTypes: flags['replace-types'],
      directories: flags.directories,
      exclude: flags.exclude ?? [],
      undo: flags.undo,
      busy: flags.busy,
      lossy: (flags.lossy ?? []) as Losable[],
      hooks: await hooksOf(flags),
      ...(ledger && { ledger }),
      dryRun: flags['dry-run'],
    };
    return { options, progress: flags.progress };
  }
}
