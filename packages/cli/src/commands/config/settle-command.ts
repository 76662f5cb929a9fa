import { type ConfigAction, listConfigUpdates, settleConfigUpdates } from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../base-command.ts';
import { exitOfSettled, renderBeside, renderSettled, settledJson } from '../../render/config-settled.ts';
import { exitCodeOf, listen } from '../../signals.ts';
import { chosenFrom, configOptionsOf, siteFlags, syncFlag } from './flags.ts';

interface SettleFlags {
  readonly root: string;
  readonly all: boolean;
  readonly sync: 'full' | 'none';
  readonly vdb: string | undefined;
  readonly 'config-protect': readonly string[] | undefined;
  readonly 'portage-config': boolean;
}

/** What `accept` and `reject` share: the same is done to each file that is named. */
export abstract class SettleCommand extends BaseCommand {
  static override baseFlags = {
    all: Flags.boolean({ summary: 'all files, where none is named' }),
    ...siteFlags,
    ...syncFlag,
  };

  protected settle(how: 'accept' | 'reject', names: readonly string[] | undefined, flags: SettleFlags): object {
    // From here on: what is begun is ended, and then said.
    const signals = listen();
    const options = configOptionsOf(flags);
    const list = listConfigUpdates(options);
    for (const { message } of list.problems) this.logToStderr(`warning: ${message}`);
    const action: ConfigAction = { how };
    const decisions = chosenFrom(list, names, flags.root, flags.all).map((chosen) => ({ chosen, action }));
    const report = settleConfigUpdates(options, decisions);
    for (const one of report.settled) {
      const { line, notes } = renderSettled(one);
      if (line !== undefined) this.log(line);
      for (const note of notes) this.logToStderr(note);
    }
    for (const line of renderBeside(report)) this.logToStderr(line);
    const exit = signals.stoppedBy === undefined ? exitOfSettled(report.settled) : exitCodeOf(signals.stoppedBy);
    if (exit !== 0) process.exitCode ??= exit;
    return settledJson(report);
  }
}
