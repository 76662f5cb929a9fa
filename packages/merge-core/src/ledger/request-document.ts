import { isUtf8 } from 'node:buffer';
import { ascii, show, toBytes } from '@emplace/syscalls';
import type * as z from 'zod';
import { MergeError, type Problem, refuse } from '../errors.ts';
import { readHooks } from '../hooks/directory.ts';
import { commandHook, type Hook } from '../hooks/hook.ts';
import { absolute, type MergeOptions, type UnmergeOptions } from '../options.ts';
import type { Requested } from './request-schema.ts';

/** What a document asks for: options for `merge` or `unmerge`. */
export type RequestDocument =
  | { readonly operation: 'merge'; readonly options: MergeOptions }
  | { readonly operation: 'unmerge'; readonly options: UnmergeOptions };

/** A document that is longer is refused unread. */
export const REQUEST_BYTES_MAX: number = 16 * 1024 * 1024;

/**
 * Reads a request: one JSON value as docs/request.schema.json describes it. All that is wrong with it is told at once.
 * @param content UTF-8
 * @throws MergeError REQUEST_INVALID; BAD_OPTION and HOOK_INVALID for its hooks
 */
export async function readRequest(content: Uint8Array): Promise<RequestDocument> {
  // Loaded by who has a document, not by every start.
  const { requestSchema } = await import('./request-schema.ts');
  const parsed = requestSchema().safeParse(parse(content));
  if (!parsed.success) throw refuse(parsed.error.issues.map(problemOf));
  return await documentOf(parsed.data);
}

/** JSON Schema (draft 2020-12) of what {@link readRequest} takes. */
export async function requestJsonSchema(): Promise<object> {
  return (await import('./request-schema.ts')).requestJsonSchema();
}

function parse(content: Uint8Array): unknown {
  if (content.byteLength > REQUEST_BYTES_MAX) throw invalid(`it is longer than ${REQUEST_BYTES_MAX} bytes`);
  // A wrong byte would become another character, and so another path.
  if (!isUtf8(content)) throw invalid('it is not UTF-8: other bytes go into {"base64": "…"}');
  try {
    return JSON.parse(Buffer.from(content).toString('utf8'));
  } catch (cause) {
    throw invalid(`it is no JSON: ${show(toBytes(cause instanceof Error ? cause.message : String(cause)))}`, cause);
  }
}

async function documentOf({ version, hooks, hooksDir, ...requested }: Requested): Promise<RequestDocument> {
  const { operation, ...options } = requested;
  const all: Hook[] = [...(await hooksIn(hooksDir)), ...(hooks ?? []).map(commandHook)];
  // JSON has no `undefined`: a key that is there has a value.
  return { operation, options: { ...options, hooks: all } } as RequestDocument;
}

async function hooksIn(directory: string | Uint8Array | undefined): Promise<readonly Hook[]> {
  if (directory === undefined) return [];
  const path = absolute(directory, 'directory of hooks');
  const hooks = await readHooks(path);
  if (hooks === undefined) throw new MergeError('HOOK_INVALID', `there is no directory \`${show(path)}\` with hooks`);
  return hooks;
}

function problemOf({ path, message }: z.core.$ZodIssue): Problem {
  const at = path.length === 0 ? '' : `\`${show(toBytes(path.join('.')))}\`: `;
  return { code: 'REQUEST_INVALID', path: ascii(''), message: `the request: ${at}${show(toBytes(message))}` };
}

function invalid(why: string, cause?: unknown): MergeError {
  return new MergeError('REQUEST_INVALID', `the request cannot be read: ${why}`, { cause });
}
