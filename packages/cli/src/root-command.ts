import { MergeError, type MergeEvent } from '@emplace/merge-core';
import { Command, Flags } from '@oclif/core';
import { errorJson, outcomeOf } from './render/error.ts';
import { type ProgressKind, showProgress } from './render/progress.ts';

/** What every command on a root shares: its flags, how errors end, and that signals stop it at a safe point. */
export abstract class RootCommand extends Command {
  static override enableJsonFlag = true;

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

  /** A merge that did not happen is an answer, not an accident: message and hint, no stack, its own exit code. */
  protected override async catch(error: Error & { exitCode?: number; oclif?: { exit?: number } }): Promise<unknown> {
    if (error instanceof MergeError) {
      process.exitCode = error.exitCode;
      if (this.jsonEnabled()) this.logJson(errorJson(error));
      else this.logToStderr(`${outcomeOf(error)}: ${error.message}\n${error.code}. ${error.hint}`);
      return undefined;
    }
    if (!this.jsonEnabled()) throw error;
    // A usage error carries 2, anything else is a bug of ours.
    process.exitCode = error.oclif?.exit ?? 1;
    this.logJson(errorJson(error));
    return undefined;
  }
}
