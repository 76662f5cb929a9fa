import { resolve } from 'node:path';
import {
  commandHook,
  type Hook,
  type HookReport,
  MergeError,
  type MergeReport,
  type RequestDocument,
  readHooks,
} from '@emplace/merge-core';
import { toBytes } from '@emplace/syscalls';
import { CLIError } from '@oclif/core/errors';
import * as Flags from '@oclif/core/flags';
import { readRequestAt } from './read-request.ts';
import { planJson, renderPlan } from './render/plan.ts';
import type { ProgressKind } from './render/progress.ts';
import { renderReport, reportJson } from './render/report.ts';
import { RootCommand } from './root-command.ts';

/** Exit code: all is done, a hook after it did not do its work. */
const HOOK_FAILED = 7;

/** What a command asks of the library, and how the terminal is told meanwhile. */
export interface Asked<Options> {
  readonly options: Options;
  readonly progress: ProgressKind;
}

type OptionsOf<Operation extends RequestDocument['operation']> = Extract<
  RequestDocument,
  { operation: Operation }
>['options'];

/** What `merge` and `unmerge` share: one transaction that changes the root, asked for by flags or by a document. */
export abstract class OperationCommand extends RootCommand {
  static override baseFlags = {
    ...RootCommand.baseFlags,
    'no-hardlink': Flags.boolean({ summary: 'make no link(2) call at all' }),
    undo: Flags.option({ options: ['auto', 'none'] as const, default: 'auto' as const })({
      summary: 'keep what is replaced until all is done',
    }),
    hook: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'PHASE=COMMAND',
      summary:
        'run by /bin/sh at pre-stage, pre-commit, post-commit or post-clean, with the changed paths on stdin, NUL after each',
    }),
    'hooks-dir': Flags.string({
      helpValue: 'DIR',
      summary: 'run the hooks that `*.hook` files there define for what changes',
    }),
    'dry-run': Flags.boolean({ summary: 'print the plan and stop' }),
    request: Flags.string({
      helpValue: 'FILE',
      summary:
        'instead of all other flags: one JSON document (docs/REQUEST.md), `-` for standard input; the result is JSON too',
    }),
  };

  /** The document when there is one, else what the flags say. */
  protected async asked<Operation extends RequestDocument['operation']>(
    operation: Operation,
    said: () => Promise<Asked<OptionsOf<Operation>>>,
  ): Promise<Asked<OptionsOf<Operation>>> {
    if (!this.#hasRequest()) return await said();
    const { request, progress } = await this.#requestFlags();
    const document = await readRequestAt(request);
    if (document.operation !== operation)
      throw new MergeError('REQUEST_INVALID', `the request is to ${document.operation}, not to ${operation}`);
    return { options: document.options as OptionsOf<Operation>, progress };
  }

  /** What came of it, and the exit code for hooks. */
  protected tell(report: MergeReport): object {
    if (report.hooks?.some(({ phase, result }) => phase.startsWith('post-') && !succeeded(result)))
      process.exitCode ??= HOOK_FAILED;
    const isPlan = report.outcome === 'planned';
    this.log(isPlan ? renderPlan(report) : renderReport(report));
    return isPlan ? planJson(report) : reportJson(report);
  }

  override jsonEnabled(): boolean {
    return super.jsonEnabled() || this.#hasRequest();
  }

  #hasRequest(): boolean {
    const end = this.argv.indexOf('--');
    const words = end === -1 ? this.argv : this.argv.slice(0, end);
    return words.some((word) => word === '--request' || word.startsWith('--request='));
  }

  /** Nothing else may be said: it would be unclear which of the two counts. */
  async #requestFlags(): Promise<{ readonly request: string; readonly progress: ProgressKind }> {
    try {
      const { progress } = RootCommand.baseFlags;
      const { flags } = await this.parse({
        ...{ args: {}, baseFlags: {}, strict: true, enableJsonFlag: true },
        flags: { progress, request: Flags.string({ required: true }) },
      });
      return flags;
    } catch (error) {
      if (!(error instanceof CLIError)) throw error;
      const message = `with \`--request\` only \`--progress\` can be said, all else stands in the document: ${error.message}`;
      throw new CLIError(message, { exit: 2 });
    }
  }
}

/** @throws MergeError BAD_OPTION, HOOK_INVALID */
export async function hooksOf(flags: {
  readonly hook: readonly string[] | undefined;
  readonly 'hooks-dir': string | undefined;
}): Promise<Hook[]> {
  const directory = flags['hooks-dir'];
  const defined = directory === undefined ? [] : await readHooks(toBytes(resolve(directory)));
  if (defined === undefined) throw new MergeError('HOOK_INVALID', `there is no directory \`${directory}\` with hooks`);
  return [...defined, ...(flags.hook ?? []).map(commandHook)];
}

function succeeded(result: HookReport['result']): boolean {
  return result.how === 'exited' && result.code === 0;
}
