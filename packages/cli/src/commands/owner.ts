import { owners } from '@emplace/merge-core';
import * as Args from '@oclif/core/args';
import { BaseCommand } from '../base-command.ts';
import { databaseFlags, FOUND } from '../database-flags.ts';
import { given } from '../package-flags.ts';
import { ownersJson, renderOwned, renderUnowned } from '../render/owners.ts';

export class Owner extends BaseCommand {
  static override summary = 'Say which packages own paths of a root';

  static override description =
    `An absolute PATH is one as seen from the root: /usr/bin/x with --root /mnt is /mnt/usr/bin/x. A relative one starts at
the current directory, which has to lie in the root. A path is found by whatever way leads to its directory, and need not be there.

Exit codes: 0 each has an owner, ${FOUND} one has none, else as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> owner --root / /usr/bin/x /etc/hosts',
    '<%= config.bin %> owner --root /mnt/target /usr/bin/x --json',
  ];

  static override args = {
    path: Args.string({ ignoreStdin: true, required: true, multiple: true, description: 'a path in the root' }),
  };

  static override flags = databaseFlags;

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Owner);
    const report = owners({ ...given({ vdb: flags.vdb }), root: flags.root, paths: args.path });
    const unowned = report.paths.filter((one) => one.owners.length === 0);
    for (const one of report.paths) for (const line of renderOwned(one)) this.log(line);
    for (const one of unowned) this.logToStderr(renderUnowned(one));
    for (const { message } of report.problems) this.logToStderr(`warning: ${message}`);
    if (unowned.length > 0) process.exitCode ??= FOUND;
    return ownersJson(report);
  }
}
