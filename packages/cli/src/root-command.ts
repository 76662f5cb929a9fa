import type { MergeEvent } from '@emplace/merge-core';
import { Flags } from '@oclif/core';
import { BaseCommand } from './base-command.ts';
import { type ProgressKind, showProgress } from './render/progress.ts';

/** What every command on a root shares: its flags, and that signals stop it at a safe point. */
export abstract class RootCommand extends BaseCommand {
  static override baseFlags = {
    root: Flags.string({ required: true, helpValue: 'DIR', summary: 'the root directory; `/` must be said' }),
    sync: Flags.option({ options: ['full', 'none'] as const, default: 'full' as const })({
      summary: 'survive a power cut, or be quicker and not',
    }),
    progress: Flags.option({ options: ['auto', 'json', 'none'] as const, default: 'auto' as const })({
      summary: 'a bar on a terminal, NDJSON events on stderr, or nothing',
    }),
  };

  /** Runs `work` with an event sink, and a signal that SIGINT, SIGTERM and SIGHUP abort. */
  protected async supervised<T>(
    kind: ProgressKind,
    work: (onEvent: (event: MergeEvent) => void, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stopping = new AbortController();
    const stop = (): void => stopping.abort();
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, stop);
    using progress = showProgress(this.jsonEnabled() && kind === 'auto' ? 'none' : kind, process.stderr);
    try {
      return await work(progress.onEvent, stopping.signal);
    } finally {
      for (const signal of signals) process.off(signal, stop);
    }
  }
}
