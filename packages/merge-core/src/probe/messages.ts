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

/** What a file system does not count is no number, which JSON cannot say. */
export function answersFrom({ site, ...rest }: Answers): Answers {
  const bytesFree = (site.space.bytesFree as number | null) ?? Number.POSITIVE_INFINITY;
  return { site: { ...site, space: { ...site.space, bytesFree } }, ...rest };
}

export function failureMessage(error: unknown): Message {
  if (error instanceof SyscallError) return { say: 'refused', code: error.code, call: error.call, paths: error.paths };
  return { say: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
