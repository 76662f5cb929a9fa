import { MergeError } from '@emplace/merge-core';
import { Command, ux } from '@oclif/core';
import { errorJson, outcomeOf } from './render/error.ts';
import { renderJson } from './render/json.ts';

/** How errors of every command end. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  protected override logJson(json: unknown): void {
    ux.stdout(renderJson(json));
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
