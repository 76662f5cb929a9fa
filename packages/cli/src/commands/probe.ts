import { probe } from '@emplace/merge-core';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../base-command.ts';
import { probeJson, renderProbe } from '../render/probe.ts';

export class Probe extends BaseCommand {
  static override summary = 'Ask the kernel what works between two directories, and what `auto` makes of it';

  static override description = `Real files in a private directory in each, removed again. What cannot be asked is
said to be not measured, never guessed.`;

  static override examples = [
    '<%= config.bin %> probe /var/tmp/portage /usr',
    '<%= config.bin %> probe /var/tmp/portage /mnt/share --rename-shapes --leaks',
  ];

  static override args = {
    source: Args.string({ required: true, description: 'a directory where images are' }),
    target: Args.string({ required: true, description: 'a directory that they are merged into' }),
  };

  static override flags = {
    'rename-shapes': Flags.boolean({ summary: 'whether rename returns, in six shapes, each in a process of its own' }),
    leaks: Flags.boolean({ summary: 'what /proc shows of running programs after each strategy' }),
    timeout: Flags.integer({ min: 1, default: 2000, helpValue: 'MS', summary: 'how long one rename may take' }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Probe);
    const report = await probe({
      ...args,
      renameShapes: flags['rename-shapes'],
      leaks: flags.leaks,
      timeoutMs: flags.timeout,
    });
    this.log(renderProbe(report));
    return probeJson(report);
  }
}
