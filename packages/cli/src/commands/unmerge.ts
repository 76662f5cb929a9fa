import { type UnmergeOptions, unmerge } from '@emplace/merge-core';
import * as Args from '@oclif/core/args';
import { type Asked, hooksOf, OperationCommand } from '../operation-command.ts';
import { unmergeFlags, unmergeOptionsOf } from '../package-flags.ts';
import { rootOptionsOf } from '../root-command.ts';

export class Unmerge extends OperationCommand {
  static override summary = 'Take a package out of a root, with its record: all of it, or nothing of it';

  static override description =
    `Of the paths that the package lists, those stay which others have, which are protected, or which were replaced by
something else; --dry-run lists each with its reason. Exit codes as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> unmerge app-misc/foo-1 --root / --portage-config --dry-run',
    '<%= config.bin %> unmerge --contents /mnt/target/var/lib/pkg/foo.list --root /mnt/target',
  ];

  static override args = {
    package: Args.string({ ignoreStdin: true, description: 'CATEGORY/PF as in the database; not with --contents' }),
  };

  static override flags = unmergeFlags;

  async run(): Promise<object> {
    const { options, progress } = await this.asked('unmerge', () => this.#said());
    return this.tell(await this.supervised(progress, (how) => unmerge({ ...options, ...how })));
  }

  async #said(): Promise<Asked<UnmergeOptions>> {
    const { args, flags } = await this.parse(Unmerge);
    const options: UnmergeOptions = {
      ...rootOptionsOf(flags),
      hardlink: !flags['no-hardlink'],
      undo: flags.undo,
      hooks: await hooksOf(flags),
      ledger: unmergeOptionsOf(flags, args.package),
      dryRun: flags['dry-run'],
    };
    return { options, progress: flags.progress };
  }
}
