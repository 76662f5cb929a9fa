import { FILE_HELP, fileArgs } from './flags.ts';
import { SettleCommand } from './settle-command.ts';

export class ConfigAccept extends SettleCommand {
  static override summary = 'Put updates in the place of protected files';

  static override description = `Each file by one rename, with owner, mode, times and extended attributes of the update.

${FILE_HELP}

Exit codes: 0 done, 3 some could not be accepted and are as they were, else as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> config accept --root / /etc/hosts',
    '<%= config.bin %> config accept --root / 1 3 4',
  ];

  static override args = fileArgs;

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ConfigAccept);
    return this.settle('accept', args.file, flags);
  }
}
