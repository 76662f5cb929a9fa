import { MergeError } from '@emplace/merge-core';
import { Command } from '@oclif/core/command';
import { errorJson, outcomeOf } from './render/error.ts';
import { renderJson } from './render/json.ts';

/** How errors of every command end. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  /** Nothing here is deprecated, and nothing asks who we are: oclif would prepare for both. */
  protected override async init(): Promise<void> {}

  // Not by oclif's, which load what knows of colours and of spinners.
  override log(message: string): void {
    if (!this.jsonEnabled()) process.stdout.write(`${message}\n`);
  }

  override logToStderr(message: string): void {
    if (!this.jsonEnabled()) process.stderr.write(`${message}\n`);
  }

  protected override logJson(json: unknown): void {
    process.stdout.write(`${renderJson(json)}\n`);
  }

  /** What was refused or failed is an answer, not an accident: message and hint, no stack, its own exit code. */
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
