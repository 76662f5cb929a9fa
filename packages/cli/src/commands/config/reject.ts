import { FILE_HELP, fileArgs } from './flags.ts';
import { SettleCommand } from './settle-command.ts';

export class ConfigReject extends SettleCommand {
  static override summary = 'Remove updates and keep protected files as they are';

  static override description =
    `A later update is then merged with what this one would have changed counted as refused. The same update is not
offered again.

${FILE_HELP}

Exit codes: 0 done, 3 some could not be rejected and wait as before, else as for \`merge\`.`;

  static override examples = ['<%= config.bin %> config reject --root / /etc/hosts'];

  static override args = fileArgs;

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ConfigReject);
    return this.settle('reject', args.file, flags);
  }
}
