import {
  type ChosenUpdate,
  type ConfigOptions,
  listConfigUpdates,
  MergeError,
  settleConfigUpdates,
} from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../base-command.ts';
import { FOUND } from '../../database-flags.ts';
import { type Merged, mergedJson, renderMerged } from '../../render/config-merged.ts';
import { renderBeside } from '../../render/config-settled.ts';
import { exitCodeOf, listen } from '../../signals.ts';
import { type Answers, openAnswers } from './answers.ts';
import { chosenFrom, configOptionsOf, FILE_HELP, fileArgs, siteFlags, syncFlag } from './flags.ts';
import { decide, type MergeMeans } from './merge-file.ts';

export class ConfigMerge extends BaseCommand {
  static override summary = 'Merge updates into protected files';

  static override description =
    `Three ways: what the update changes since the file was last brought up to one goes into the file, and what was
changed there stays. Where both changed the same lines, or no earlier text is known, somebody has to decide: on a terminal you are asked, piece by
piece; --tool runs a program; --prefer takes one side; else the file is left and told. The file keeps its owner, mode and extended attributes.

The program of --tool is run by /bin/sh with the paths of four files in its environment: LOCAL (the file), REMOTE (the update), BASE (the earlier
text, empty where none is known) and MERGED, which holds the merge with marks at each conflict, and is what counts when it ends with 0.

${FILE_HELP}

Exit codes: 0 all merged, ${FOUND} some are left for somebody to decide, 3 some could not be merged and are as they were, else as for \`merge\`.`;

  static override examples = [
    '<%= config.bin %> config merge --root /',
    '<%= config.bin %> config merge --root / --auto',
    '<%= config.bin %> config merge --root / 2 --tool \'vimdiff "$MERGED" "$LOCAL" "$REMOTE"\'',
  ];

  static override args = fileArgs;

  static override flags = {
    auto: Flags.boolean({ summary: 'all that merge without a conflict; nothing is asked' }),
    'auto-trivial': Flags.boolean({
      summary:
        'all that differ in blanks and comments alone: those of the update where both changed them; nothing is asked',
    }),
    tool: Flags.string({ helpValue: 'COMMAND', summary: 'what merges where there are conflicts' }),
    prefer: Flags.option({ options: ['mine', 'theirs'] as const })({
      exclusive: ['tool', 'interactive'],
      summary: 'in conflicts take the lines of the file, or of the update',
    }),
    interactive: Flags.boolean({
      exclusive: ['auto', 'auto-trivial', 'tool'],
      summary: 'ask, also where there is no terminal: answers are lines of standard input',
    }),
    'dry-run': Flags.boolean({ summary: 'only say what would be merged; nothing is asked, and no tool is run' }),
    ...siteFlags,
    ...syncFlag,
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(ConfigMerge);
    const options = configOptionsOf(flags);
    const isAutomatic = flags.auto || flags['auto-trivial'];
    const isSaid = isAutomatic || flags['dry-run'] || flags.tool !== undefined || flags.prefer !== undefined;
    const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
    const asks = (flags.interactive && !flags['dry-run']) || (!isSaid && isTerminal && !this.jsonEnabled());
    const list = listConfigUpdates(options);
    for (const { message } of list.problems) this.logToStderr(`warning: ${message}`);
    const chosen = chosenFrom(list, args.file, flags.root, isAutomatic || asks || flags['dry-run']);
    const signals = listen();
    using answers = asks ? openAnswers(process.stdin, process.stderr, signals.signal) : undefined;
    const means: MergeMeans = {
      trivialOnly: flags['auto-trivial'] && !flags.auto,
      trivial: flags['auto-trivial'],
      ...(flags.prefer && { prefer: flags.prefer }),
      ...(flags.tool !== undefined && !flags['dry-run'] && { tool: flags.tool }),
      toolOutput: this.jsonEnabled() ? 'stderr' : 'stdout',
    };
    const results: Merged[] = [];
    for (const one of chosen) {
      const result = await this.#mergeOne(options, one, means, answers, flags['dry-run']);
      results.push(result);
      if (endsAll(result) || signals.stoppedBy !== undefined) break;
    }
    const exit = signals.stoppedBy === undefined ? exitOf(results) : exitCodeOf(signals.stoppedBy);
    if (exit !== 0) process.exitCode ??= exit;
    return { files: results.map(mergedJson) };
  }

  async #mergeOne(
    options: ConfigOptions,
    chosen: ChosenUpdate,
    means: MergeMeans,
    answers: Answers | undefined,
    dryRun: boolean,
  ): Promise<Merged> {
    const result = await tryMerge(options, chosen, means, answers, dryRun);
    const { line, notes } = renderMerged(result);
    if (line !== undefined) this.log(line);
    for (const note of [...notes, ...(result.beside ?? [])]) this.logToStderr(note);
    return result;
  }
}

async function tryMerge(
  options: ConfigOptions,
  chosen: ChosenUpdate,
  means: MergeMeans,
  answers: Answers | undefined,
  dryRun: boolean,
): Promise<Merged> {
  try {
    const { outcome, content, ...counted } = await decide(options, chosen, means, answers);
    if (outcome !== 'decided' || content === undefined)
      return { chosen, ...counted, outcome: outcome === 'decided' ? 'skipped' : outcome };
    if (dryRun) return { chosen, ...counted, outcome: 'would-merge' };
    const action = { how: 'merge', content: Buffer.from(content, 'latin1') } as const;
    const report = settleConfigUpdates(options, [{ chosen, action }]);
    const [settled] = report.settled;
    return { chosen, ...counted, outcome: 'settled', beside: renderBeside(report), ...(settled && { settled }) };
  } catch (error) {
    if (!(error instanceof MergeError)) throw error;
    return { chosen, outcome: error.code === 'CONFIG_UPDATE_UNUSABLE' ? 'unmergeable' : 'failed', error };
  }
}

/** Another merge that holds the root would be in the way of the next file too. */
function endsAll({ outcome, error }: Merged): boolean {
  return outcome === 'quit' || error?.outcome === 'locked';
}

function exitOf(results: readonly Merged[]): number {
  for (const { outcome, error, settled } of results) {
    const failed = outcome === 'failed' ? error : settled?.error;
    if (failed !== undefined) return failed.exitCode;
  }
  return results.every(({ outcome }) => outcome === 'settled' || outcome === 'would-merge') ? 0 : FOUND;
}
