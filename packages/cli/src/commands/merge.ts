import { resolve } from 'node:path';
import {
  commandHook,
  type Hook,
  type HookReport,
  type Losable,
  losable,
  MergeError,
  merge,
  readHooks,
} from '@emplace/merge-core';
import { toBytes } from '@emplace/syscalls';
import { Args, Flags } from '@oclif/core';
import { planJson, renderPlan } from '../render/plan.ts';
import { renderReport, reportJson } from '../render/report.ts';
import { RootCommand } from '../root-command.ts';

/** Exit code: the merge stands, a hook after it did not do its work. */
const HOOK_FAILED = 7;

export class Merge extends RootCommand {
  static override summary = 'Put an image tree onto a root: all of it, or nothing of it';

  static override description =
    `Exit codes: 0 done, 1 a bug, 2 usage, 3 refused and nothing changed, 4 failed and rolled back,
5 incomplete (run \`emplace recover\`), 6 locked by another merge, 7 merged, but a hook failed afterwards, 128 + n stopped by signal n and rolled back or done.`;

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
    hook: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'PHASE=COMMAND',
      summary:
        'run by /bin/sh at pre-stage, pre-commit, post-commit or post-clean, with the changed paths on stdin, NUL after each',
    }),
    'hooks-dir': Flags.string({
      helpValue: 'DIR',
      summary: 'run the hooks that `*.hook` files there define for what changes',
    }),
    'dry-run': Flags.boolean({ summary: 'print the plan and stop' }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Merge);
    const report = await this.supervised(flags, (how) =>
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
        hooks: hooksOf(flags),
        dryRun: flags['dry-run'],
        ...how,
      }),
    );
    if (report.hooks?.some(({ phase, result }) => phase.startsWith('post-') && !succeeded(result)))
      process.exitCode ??= HOOK_FAILED;
    this.log(flags['dry-run'] ? renderPlan(report) : renderReport(report));
    return flags['dry-run'] ? planJson(report) : reportJson(report);
  }
}

function hooksOf(flags: {
  readonly hook: readonly string[] | undefined;
  readonly 'hooks-dir': string | undefined;
}): Hook[] {
  const directory = flags['hooks-dir'];
  const defined = directory === undefined ? [] : readHooks(toBytes(resolve(directory)));
  if (defined === undefined) throw new MergeError('HOOK_INVALID', `there is no directory \`${directory}\` with hooks`);
  return [...defined, ...(flags.hook ?? []).map(commandHook)];
}

function succeeded(result: HookReport['result']): boolean {
  return result.how === 'exited' && result.code === 0;
}
