import {
  type ChosenUpdate,
  type ConfigOptions,
  listConfigUpdates,
  MergeError,
  readConfigTexts,
} from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../base-command.ts';
import { FOUND } from '../../database-flags.ts';
import { type Compared, comparedJson, renderCompared } from '../../render/config-diff.ts';
import { writeLines } from '../../render/config-lines.ts';
import { chosenFrom, configOptionsOf, FILE_HELP, fileArgs, siteFlags } from './flags.ts';

export class ConfigDiff extends BaseCommand {
  static override summary = 'Show what updates would change in protected files';

  static override description =
    `A unified diff from the file to its update. With --three-way what either side changed since the file
was last brought up to an update: where that is not known it is said, and the diff is one of two.

On a terminal with colour (NO_COLOR is obeyed) and what could do something to the terminal as \`\\xNN\`; elsewhere byte for byte.

${FILE_HELP}

Exit codes: 0 shown, ${FOUND} some cannot be compared (no text, a symlink), else as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> config diff --root / /etc/hosts',
    '<%= config.bin %> config diff --root / --three-way 1',
  ];

  static override args = fileArgs;

  static override flags = {
    'three-way': Flags.boolean({ summary: 'what changed here, what the update changes, and where they meet' }),
    ...siteFlags,
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ConfigDiff);
    const options = configOptionsOf(flags);
    const list = listConfigUpdates(options);
    const compared = chosenFrom(list, args.file, flags.root, true).map((chosen) => compare(options, chosen));
    if (!this.jsonEnabled())
      for (const one of compared) writeLines(renderCompared(one, flags['three-way']), process.stdout);
    if (compared.some(({ whyNot }) => whyNot !== undefined)) process.exitCode ??= FOUND;
    return { files: compared.map(comparedJson) };
  }
}

function compare(options: ConfigOptions, chosen: ChosenUpdate): Compared {
  try {
    return { chosen, texts: readConfigTexts(options, chosen), whyNot: undefined };
  } catch (error) {
    if (!(error instanceof MergeError)) throw error;
    return { chosen, texts: undefined, whyNot: error };
  }
}
