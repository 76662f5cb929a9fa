/** What goes between a probe and the process that asks for it: the questions on stdin, then one JSON document a line. */
import { type Bytes, SyscallError } from '@emplace/syscalls';
import type { Answers, Questions } from './questions.ts';

/** `parent`: who waits for it; without him it ends. */
export interface Job {
  readonly parent: number;
  readonly questions: Questions;
}

export type Message =
  | { readonly say: 'asking'; readonly what: string }
  | { readonly say: 'making'; readonly paths: readonly Bytes[] }
  | { readonly say: 'answered'; readonly answers: Answers }
  | { readonly say: 'refused'; readonly code: string; readonly call: string; readonly paths: readonly Bytes[] }
  | { readonly say: 'failed'; readonly why: string };

/** One line of a probe, or undefined when it is none that we know: then it is no probe of ours. */
export function parseMessage(line: string): Message | undefined {
  let value: Partial<Record<string, unknown>>;
  try {
    value = Object(JSON.parse(line)) as typeof value;
  } catch {
    return undefined;
  }
  return isMessage(value) ? (value as unknown as Message) : undefined;
}

function isMessage({ say, what, paths, answers, code, call, why }: Partial<Record<string, unknown>>): boolean {
  switch (say as Message['say']) {
    case 'asking':
      return typeof what === 'string';
    case 'making':
      return isTexts(paths);
    case 'answered':
      return isSite(Object(answers).site);
    case 'refused':
      return typeof code === 'string' && typeof call === 'string' && isTexts(paths);
    case 'failed':
      return typeof why === 'string';
    default:
      return false;
  }
}

function isSite(value: unknown): boolean {
  const { site, facts, space, left } = Object(value) as Partial<Record<string, unknown>>;
  return [site, facts, space].every((one) => typeof one === 'object' && one !== null) && Array.isArray(left);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** What a file system does not count is no number, which JSON cannot say. */
export function answersFrom({ site, ...rest }: Answers): Answers {
  const bytesFree = (site.space.bytesFree as number | null) ?? Number.POSITIVE_INFINITY;
  return { site: { ...site, space: { ...site.space, bytesFree } }, ...rest };
}

export function failureMessage(error: unknown): Message {
  if (error instanceof SyscallError) return { say: 'refused', code: error.code, call: error.call, paths: error.paths };
  return { say: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
