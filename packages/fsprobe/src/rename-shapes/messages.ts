/** What goes between the processes of a probe: one job on stdin, then messages on stdout, one JSON document a line. */
import { type Bytes, SyscallError } from '@emplace/syscalls';
import type { Timestamp } from '../fs/port.ts';
import { type RenameShapes, type ShapeName, shapeNames } from './shapes.ts';

/** Where a probe works: a directory of its own, `name`, in `dir` (an absolute path). */
export interface Place {
  readonly dir: Bytes;
  readonly name: Bytes;
}

/** What is known of the probe's directory once it is made: see PrivateDirectory. */
export interface Made {
  readonly identity: string;
}

/** What each role has to be told. */
export interface Jobs {
  /** Starts all others, and never touches the file system that is probed: so it always ends. */
  readonly supervise: Place & { readonly timeoutMs: number };
  /** Makes the probe's directory. */
  readonly prepare: Place;
  /** Renames in one shape. */
  readonly try: Place & Made & { readonly shape: ShapeName };
  /** Removes what these shapes made. */
  readonly clean: Place &
    Partial<Made> & {
      readonly shapes: readonly ShapeName[];
      /** The probe's directory goes as well. */
      readonly all: boolean;
      /** The time that `dir` then gets back. */
      readonly before?: Timestamp;
    };
  /** Opens a path and reads a little of what is there. */
  readonly look: { readonly path: Bytes };
}
export type Role = keyof Jobs;

/** What a job that went well has to tell. */
export interface Told {
  /** Of `supervise`. */
  readonly report?: RenameShapes;
  /** Of `prepare`: when `dir` was last modified. */
  readonly before?: Timestamp;
  /** Of `prepare`: what it made. */
  readonly identity?: string;
}

/** What a child is about to do. `start` until it says otherwise; of the supervisor `rename`: the probe's directory is made. */
export type Step = 'start' | 'work' | 'rename';

export type Message =
  | { readonly say: 'step'; readonly step: Step }
  | ({ readonly say: 'done' } & Told)
  | { readonly say: 'refused'; readonly code: string; readonly call: string; readonly paths: readonly Bytes[] }
  | { readonly say: 'failed'; readonly why: string };

/** The message for an error that a job ended with. */
export function failureMessage(error: unknown): Message {
  if (error instanceof SyscallError) {
    return { say: 'refused', code: error.code, call: error.call, paths: error.paths };
  }
  return { say: 'failed', why: error instanceof Error ? error.message : String(error) };
}

const steps: readonly unknown[] = ['start', 'work', 'rename'] satisfies readonly Step[];

/** One line of a child, or undefined when it is none that we know: then it is no child of ours. */
export function parseMessage(line: string): Message | undefined {
  let value: Partial<Record<string, unknown>>;
  try {
    value = Object(JSON.parse(line)) as typeof value;
  } catch {
    return undefined;
  }
  return isMessage(value) ? (value as unknown as Message) : undefined;
}

function isMessage({
  say,
  step,
  why,
  code,
  call,
  paths,
  report,
  before,
  identity,
}: Partial<Record<string, unknown>>): boolean {
  switch (say as Message['say']) {
    case 'step':
      return steps.includes(step);
    case 'done':
      return isReport(report) && isTime(before) && (identity === undefined || typeof identity === 'string');
    case 'refused':
      return typeof code === 'string' && typeof call === 'string' && isTexts(paths);
    case 'failed':
      return typeof why === 'string';
    default:
      return false;
  }
}

function isReport(value: unknown): boolean {
  if (value === undefined) return true;
  const { shapes, left } = Object(value) as Partial<Record<string, unknown>>;
  const verdicts = Object(shapes) as Partial<Record<string, unknown>>;
  return shapeNames.every((name) => typeof Object(verdicts[name]).verdict === 'string') && isTexts(left);
}

function isTime(value: unknown): boolean {
  const { sec, nsec } = Object(value) as Partial<Record<string, unknown>>;
  return value === undefined || (Number.isSafeInteger(sec) && Number.isSafeInteger(nsec));
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** How the work of a child ended. */
export type End =
  | ({ readonly end: 'done' } & Told)
  | { readonly end: 'refused'; readonly error: SyscallError }
  | { readonly end: 'failed'; readonly why: string };

/** Of what says something else than these messages. */
export const NOT_OURS: End = { end: 'failed', why: 'its process said something that no probe says' };

/** undefined for a message after which the work goes on. */
export function endOf(message: Message): End | undefined {
  switch (message.say) {
    case 'step':
      return undefined;
    case 'done': {
      const { say, ...told } = message;
      return { end: say, ...told };
    }
    case 'refused':
      return { end: 'refused', error: new SyscallError(message.code, message.call, message.paths) };
    case 'failed':
      return { end: 'failed', why: message.why };
    default:
      return message satisfies never;
  }
}
