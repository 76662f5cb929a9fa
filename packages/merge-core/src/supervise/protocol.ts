import type { Timestamp } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { type ErrorCode, errorCodes, type FailedOutcome, MergeError, type Problem } from '../errors.ts';
import type { MergeEvent } from '../events.ts';
import type { Caller } from '../lock-owner.ts';
import type { MergeRequest } from '../options.ts';
import type { MergeReport } from '../report.ts';
import { type HookPhase, hookPhases } from '../steps.ts';
import type { Recovery } from '../transaction/recover.ts';

/** Of the messages below. A mover of another release (this one was replaced on disk while it ran) has another. */
export const PROTOCOL = 3;

/** Descriptors that a mover is started with, beside stdin (answers), stdout (nothing) and stderr (why it crashed). */
export const CHANNELS = { messages: 3, page: 4, toFlight: 5, fromFlight: 6, changed: 7 } as const;

/** What a merge needs to know, as plain data: it crosses a pipe. */
export type PlainRequest = Pick<
  MergeRequest,
  | ('transaction' | 'image' | 'root' | 'strategy' | 'links' | 'keepImage' | 'replaceTypes' | 'directories')
  | ('exclude' | 'undo' | 'busy' | 'lossy' | 'durable' | 'hooks' | 'ledger' | 'threads')
>;

/** What a mover is to do. */
export type Task = { readonly do: 'merge'; readonly request: PlainRequest } | RecoverTask;

export interface RecoverTask {
  readonly do: 'recover';
  readonly root: Bytes;
  readonly rollback: boolean;
  readonly durable: boolean;
  /** After a mover that did not live to give its lock back. `rootTime`: what the root's time is to be when nothing is to be recovered. */
  readonly after?: { readonly rootTime?: Timestamp };
}

/** The first line that a mover reads. */
export interface Job {
  readonly protocol: number;
  /** When it has another parent, its supervisor is gone. */
  readonly supervisor: Caller;
  readonly stallTimeoutMs: number;
  readonly task: Task;
}

/** What a mover was told to go on with, where it waited. An empty line before it only wakes it: see announce.ts. */
export type Answer = { readonly go: true } | { readonly go: false; readonly error: PlainError };

/** What a mover says, one line each. */
export type Message =
  /** Its handshake: everything is loaded, and this root is open (see identity.ts). */
  | { readonly say: 'ready'; readonly protocol: number; readonly root: string }
  /** Another holds the lock. It waits for an answer: whether to try again. */
  | { readonly say: 'locked'; readonly error: PlainError }
  /** It holds the lock, and works. `rootTime`: what the root's time was before. */
  | { readonly say: 'holding'; readonly rootTime?: Timestamp }
  | { readonly say: 'event'; readonly event: MergeEvent }
  /** It waits for an answer. */
  | { readonly say: 'hooks'; readonly phase: HookPhase }
  | LastWord;

/** What came of its task. All that it does then is to give the lock back. */
export type LastWord =
  | { readonly say: 'merged'; readonly report: MergeReport }
  | { readonly say: 'recovered'; readonly recovery: Recovery }
  | { readonly say: 'failed'; readonly error: PlainError };

/** A MergeError as plain data; without a code it is a bug, told by its stack. */
export interface PlainError {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly outcome?: FailedOutcome;
  readonly problems?: readonly Problem[];
  readonly transaction?: string;
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof MergeError))
    return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  const { code, message, outcome, problems, transaction } = error;
  return { code, message, outcome, problems, ...(transaction !== undefined && { transaction }) };
}

export function errorFrom({ code, message, outcome, problems, transaction }: PlainError): Error {
  if (code === undefined) return new Error(`in the mover: ${message}`);
  const error = new MergeError(code, message, { ...(outcome && { outcome }), ...(problems && { problems }) });
  error.transaction = transaction;
  return error;
}

/** One line of a mover, or undefined when it is none that we know: then it is no mover of ours. */
export function parseMessage(line: string): Message | undefined {
  let value: Partial<Record<string, unknown>>;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null && isMessage(value) ? (value as unknown as Message) : undefined;
}

function isMessage(value: Partial<Record<string, unknown>>): boolean {
  const has = (key: string, type: 'object' | 'string' | 'number'): boolean =>
    typeof value[key] === type && value[key] !== null;
  switch (value.say as Message['say']) {
    case 'ready':
      return has('protocol', 'number') && has('root', 'string');
    case 'locked':
    case 'failed':
      return has('error', 'object') && isError(value.error as PlainError);
    case 'holding':
      return value.rootTime === undefined || has('rootTime', 'object');
    case 'event':
      return has('event', 'object');
    case 'hooks':
      return hookPhases.includes(value.phase as HookPhase);
    case 'merged':
      return has('report', 'object');
    case 'recovered':
      return has('recovery', 'object');
    default:
      return false;
  }
}

function isError({ code, message }: PlainError): boolean {
  return typeof message === 'string' && (code === undefined || Object.hasOwn(errorCodes, code));
}
