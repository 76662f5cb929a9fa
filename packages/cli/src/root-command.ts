import { MergeError, type MergeEvent, type RootOptions, type StartedMover } from '@emplace/merge-core';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from './base-command.ts';
import { type ProgressKind, showProgress } from './render/progress.ts';
import { type Disruptive, exitCodeOf, listen } from './signals.ts';

/** Flags that are options of every operation on a root. */
interface RootFlags {
  readonly root: string;
  readonly sync: 'full' | 'none';
  readonly 'stall-timeout': number;
  readonly 'lock-timeout': number;
  readonly 'in-process': boolean;
}

/** What every operation on a root is called with while it is watched. */
interface Watched {
  readonly onEvent: (event: MergeEvent) => void;
  readonly signal: AbortSignal;
  readonly mover: StartedMover | undefined;
}

export function rootOptionsOf(flags: RootFlags): Omit<RootOptions, 'onEvent' | 'signal' | 'mover'> {
  return {
    root: flags.root,
    sync: flags.sync,
    stallTimeoutMs: flags['stall-timeout'] * 1000,
    lockTimeoutMs: flags['lock-timeout'] * 1000,
    inProcess: flags['in-process'],
  };
}

/** What every command on a root shares: its flags, and what signals do to it. */
export abstract class RootCommand extends BaseCommand {
  static override baseFlags = {
    root: Flags.string({ required: true, helpValue: 'DIR', summary: 'the root directory; `/` must be said' }),
    sync: Flags.option({ options: ['full', 'none'] as const, default: 'full' as const })({
      summary: 'survive a power cut, or be quicker and not',
    }),
    progress: Flags.option({ options: ['auto', 'json', 'none'] as const, default: 'auto' as const })({
      summary: 'a bar on a terminal, NDJSON events on stderr, or nothing',
    }),
    'stall-timeout': Flags.integer({
      default: 60,
      min: 1,
      helpValue: 'SECONDS',
      summary: 'how long one system call may take before its process is killed; a sync ten times as long',
    }),
    'lock-timeout': Flags.integer({
      default: 0,
      min: 0,
      helpValue: 'SECONDS',
      summary: 'how long to wait for another merge on this root',
    }),
    'in-process': Flags.boolean({ summary: 'work in this process: nothing watches for calls that never return' }),
  };

  /** Given by who runs this, where it was started ahead. */
  mover: StartedMover | undefined;
  #stopped: { readonly by: Disruptive; readonly what: string } | undefined;

  /** Runs `work` watched: SIGINT, SIGTERM and SIGHUP ask it to stop, and the exit code says so once it is one tree or the other. */
  protected async supervised<T>(kind: ProgressKind, work: (how: Watched) => Promise<T>): Promise<T> {
    const signals = listen();
    using progress = showProgress(this.jsonEnabled() && kind === 'auto' ? 'none' : kind, process.stderr);
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'mover') signals.mover = event.pid;
      progress.onEvent(event);
    };
    try {
      const result = await work({ onEvent, signal: signals.signal, mover: this.mover });
      if (signals.stoppedBy !== undefined) this.#tellStopped(signals.stoppedBy, 'it came too late: all is done');
      return result;
    } catch (error) {
      if (error instanceof MergeError && error.code === 'INTERRUPTED' && signals.stoppedBy !== undefined)
        this.#stopped = {
          by: signals.stoppedBy,
          what: error.outcome === 'refused' ? 'nothing was changed' : 'the old tree is back',
        };
      throw error;
    }
  }

  #tellStopped(signal: Disruptive, what: string): void {
    process.exitCode = exitCodeOf(signal);
    this.logToStderr(`stopped by ${signal}: ${what}`);
  }

  protected override async catch(error: Error & { exitCode?: number }): Promise<unknown> {
    const result = await super.catch(error);
    if (this.#stopped !== undefined) this.#tellStopped(this.#stopped.by, this.#stopped.what);
    return result;
  }
}
