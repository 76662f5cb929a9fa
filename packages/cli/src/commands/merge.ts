import { type Losable, losable, merge } from '@emplace/merge-core';
import { Args, Flags } from '@oclif/core';
import { planJson, renderPlan } from '../render/plan.ts';
import { renderReport, reportJson } from '../render/report.ts';
import { RootCommand } from '../root-command.ts';

export class Merge extends RootCommand {
  static override summary = 'Put an image tree onto a root: all of it, or nothing of it';

  static override description =
    `Exit codes: 0 done, 1 a bug, 2 usage, 3 refused and nothing changed, 4 failed and rolled back,
5 incomplete (run \`emplace recover\`), 6 locked by another merge.`;

  static override examples = [
    '<%= config.bin %> merge /var/tmp/portage/app-misc/foo-1/image --root /',
    '<%= config.bin %> merge image --root /mnt/target --strategy copy --keep-image --dry-run',
  ];

  static override args = { image: Args.string({ required: true, description: 'the image directory ($D)' }) };

  static override flags = {
    strategy: Flags.string({
      default: 'auto',
      helpValue: 'NAME',
      summary: 'auto, rename, double-rename, hardlink, reflink or copy; a named one is the only one',
    }),
    'no-hardlink': Flags.boolean({ summary: 'make no link(2) call at all' }),
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
    undo: Flags.option({ options: ['auto', 'none'] as const, default: 'auto' as const })({
      summary: 'keep what is replaced until all is done',
    }),
    busy: Flags.option({ options: ['refuse', 'in-place'] as const, default: 'refuse' as const })({
      summary: 'a file that is a mount point: refused, or written through, which others see half done',
    }),
    lossy: Flags.string({
      multiple: true,
      delimiter: ',',
      options: [...losable],
      helpValue: 'WHAT',
      summary: 'what entries may lose where the root cannot carry it: owner, mode, xattr, time, hardlink',
    }),
    'dry-run': Flags.boolean({ summary: 'print the plan and stop' }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Merge);
    const report = await this.supervised(flags.progress, (onEvent, signal) =>
      merge({
        image: args.image,
        root: flags.root,
        strategy: flags.strategy,
        hardlink: !flags['no-hardlink'],
        keepImage: flags['keep-image'],
        replaceTypes: flags['replace-types'],
        directories: flags.directories,
        exclude: flags.exclude ?? [],
        undo: flags.undo,
        busy: flags.busy,
        lossy: (flags.lossy ?? []) as Losable[],
        sync: flags.sync,
        dryRun: flags['dry-run'],
        onEvent,
        signal,
      }),
    );
    this.log(flags['dry-run'] ? renderPlan(report) : renderReport(report));
    return flags['dry-run'] ? planJson(report) : reportJson(report);
  }
}
