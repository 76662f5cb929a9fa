import { type Bytes, toBytes } from '@emplace/syscalls';
import { MergeError, quotedText } from '../errors.ts';
import { type HookPhase, hookPhases } from '../steps.ts';

export const operations = ['install', 'upgrade', 'remove'] as const;

/** What happens to a path: it is new, it replaces something, it goes. */
export type Operation = (typeof operations)[number];

/** A path below the root without a leading slash; alone, it meets every trigger whatever the operation. */
export type Change = Bytes | { readonly path: Bytes; readonly operation: Operation };

/** All changes of a merge. Read once for each purpose, so no generator: that can be read only once. */
export type Changes = Iterable<Change> | AsyncIterable<Change>;

/** Which changes a hook is for. */
export interface Trigger {
  readonly operations: readonly Operation[];
  /** Globs over paths (see glob.ts). Of several that match the last decides; one that starts with `!` excludes. */
  readonly targets: readonly Bytes[];
}

/** A program that is run in one phase of a merge. */
export interface Hook {
  /** For messages, and in EMPLACE_HOOK: UTF-8. */
  readonly name: Bytes;
  readonly phase: HookPhase;
  /** What a person wrote for a shell, or a program with its arguments: first its absolute path. */
  readonly run: { readonly command: Bytes } | { readonly argv: readonly Bytes[] };
  /** It runs, once, when any change meets any of them. Without triggers it always runs, for all changes. */
  readonly triggers?: readonly Trigger[];
  /** Whether it gets the paths that met its triggers on stdin, each ended by a NUL; else that is /dev/null. */
  readonly needsTargets: boolean;
  /** Before the commit point: whether its failure stops the merge. After it nothing does. */
  readonly abortOnFail: boolean;
  readonly timeoutMs: number;
}

/** Rebuilding an initramfs takes minutes; what takes longer is stuck. */
export const HOOK_TIMEOUT_MS: number = 15 * 60 * 1000;

/**
 * The hook of `--hook PHASE=COMMAND`. The command is one for `/bin/sh -c`, as package managers take it (dpkg's
 * `--pre-invoke`, apt's `Pre-Invoke`): quotes and `&&` work, and nothing has to be guessed about words.
 * @throws MergeError BAD_OPTION
 */
export function commandHook(option: string): Hook {
  const equals = option.indexOf('=');
  const phase = hookPhases.find((one) => one === option.slice(0, equals));
  const command = option.slice(equals + 1);
  if (equals === -1 || phase === undefined)
    throw new MergeError('BAD_OPTION', `the hook ${quotedText(option)} does not start with ${hookPhases.join('=, ')}=`);
  // What was not UTF-8 Node has made another command of.
  if (command.includes('\ufffd'))
    throw new MergeError('BAD_OPTION', `the hook ${quotedText(option)} has bytes that are not UTF-8`);
  if (command.trim() === '' || command.includes('\0'))
    throw new MergeError('BAD_OPTION', `the hook ${quotedText(option)} has no command, or one with a NUL byte`);
  return {
    name: toBytes(command),
    phase,
    run: { command: toBytes(command) },
    needsTargets: true,
    abortOnFail: true,
    timeoutMs: HOOK_TIMEOUT_MS,
  };
}

export function pathOf(change: Change): Bytes {
  return typeof change === 'string' ? change : change.path;
}
