import { recover } from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';
import { renderRecovery, warningJson } from '../render/report.ts';
import { RootCommand, rootOptionsOf } from '../root-command.ts';

export class Recover extends RootCommand {
  static override summary = 'Finish what a stopped merge left';

  static override description =
    `Before its commit point a merge is rolled back, after it completed; with --rollback rolled back even then,
where undo was kept. Exit codes as for \`merge\`.`;

  static override examples = ['<%= config.bin %> recover --root /', '<%= config.bin %> recover --root / --rollback'];

  static override flags = {
    rollback: Flags.boolean({ summary: 'bring the old tree back' }),
  };

  async run(): Promise<object> {
    const { flags } = await this.parse(Recover);
    const report = await this.supervised(flags.progress, (how) =>
      recover({ ...rootOptionsOf(flags), rollback: flags.rollback, ...how }),
    );
    this.log(renderRecovery(report));
    return { ...report, warnings: report.warnings.map(warningJson) };
  }
}
