import { listConfigUpdates } from '@emplace/merge-core';
import { BaseCommand } from '../../base-command.ts';
import { listJson, renderList } from '../../render/config-list.ts';
import { configOptionsOf, siteFlags } from './flags.ts';

export class ConfigList extends BaseCommand {
  static override summary = 'List updates of protected files that wait to be settled';

  static override description =
    `Looks for \`._cfgNNNN_NAME\` below the protected paths (default \`/etc\`), as Portage does: not in hidden directories, through no symlink,
no backups (\`*~\`, \`*.bak\`). Nothing is written.

Exit codes: 0 whether any wait or none, else as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> config list --root /',
    '<%= config.bin %> config list --root /mnt/target --portage-config --json',
  ];

  static override flags = siteFlags;

  async run(): Promise<object> {
    const { flags } = await this.parse(ConfigList);
    const list = listConfigUpdates({ ...configOptionsOf(flags), owners: true });
    for (const { message } of list.problems) this.logToStderr(`warning: ${message}`);
    this.log(renderList(list));
    return listJson(list);
  }
}
