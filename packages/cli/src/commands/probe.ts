import { probe } from '@emplace/merge-core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../base-command.ts';
import { probeJson, renderProbe } from '../render/probe.ts';
import { exitCodeOf, listen } from '../signals.ts';

export class Probe extends BaseCommand {
  static override summary = 'Ask the kernel what works between two directories, and what `auto` makes of it';

  static override description = `Real files in a private directory in each, removed again. What cannot be asked is
said to be not measured, never guessed.`;

  static override examples = [
    '<%= config.bin %> probe /var/tmp/portage /usr',
    '<%= config.bin %> probe /var/tmp/portage /mnt/share --rename-shapes --leaks',
  ];

  static override args = {
    source: Args.string({ ignoreStdin: true, required: true, description: 'a directory where images are' }),
    target: Args.string({ ignoreStdin: true, required: true, description: 'a directory that they are merged into' }),
  };

  static override flags = {
    'rename-shapes': Flags.boolean({ summary: 'whether rename returns, in six shapes, each in a process of its own' }),
    leaks: Flags.boolean({ summary: 'what /proc shows of running programs after each strategy' }),
    timeout: Flags.integer({
      min: 1,
      max: 600_000,
      default: 2000,
      helpValue: 'MS',
      summary: 'how long one rename may take',
    }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Probe);
    // From here on a signal ends nothing before its directories are removed.
    const signals = listen();
    const report = await probe({
      ...args,
      renameShapes: flags['rename-shapes'],
      leaks: flags.leaks,
      timeoutMs: flags.timeout,
      signal: signals.signal,
    }).finally(async () => {
      // Questions keep this thread busy: a signal that came meanwhile is told after the next poll, which the first of
      // two turns may have behind it.
      for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
      if (signals.stoppedBy !== undefined) process.exitCode = exitCodeOf(signals.stoppedBy);
    });
    if (signals.stoppedBy !== undefined) this.logToStderr(`stopped by ${signals.stoppedBy}: what was asked by then`);
    this.log(renderProbe(report));
    return probeJson(report);
  }
}
