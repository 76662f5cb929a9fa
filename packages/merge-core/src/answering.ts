import {
  type DirHandle,
  type FsPort,
  isServed,
  mayNeverAnswer,
  probeRenameSync,
  type RenameShapes,
} from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { type ErrorCode, MergeError, quoted } from './errors.ts';

/** How long a call may take, where the caller does not say. */
const TIMEOUT_MS = 2_000;

/**
 * Refuses a tree whose file system does not answer, before this process opens it (G10). Only file systems are asked that
 * another process or machine serves; other processes do the asking, so that what never returns does not hang us.
 *
 * Not guaranteed: that it answers the next time, or calls that nobody asked for (what the mover does is watched).
 * @param timeoutMs the most that the caller would wait for a call
 * @throws MergeError RENAME_HANGS, NOT_ANSWERING
 */
export function checkTree(path: Bytes, fs: FsPort, timeoutMs: number = TIMEOUT_MS): void {
  // Another port than Linux's serves itself.
  if (fs.pathOf !== undefined && isServed(path)) ask(path, path, timeoutMs);
}

/**
 * The same of a directory below a tree: of a mount in it, for instance.
 *
 * @param path for the message
 * @throws MergeError RENAME_HANGS, NOT_ANSWERING
 */
export function checkAnswering(dir: DirHandle, path: Bytes, fs: FsPort, timeoutMs: number = TIMEOUT_MS): void {
  const reachable = fs.pathOf?.(dir);
  if (reachable === undefined || !mayNeverAnswer(fs.space(dir).magic)) return;
  ask(ascii(reachable), path, timeoutMs);
}

function ask(dir: Bytes, path: Bytes, timeoutMs: number): void {
  let asked: RenameShapes;
  try {
    asked = probeRenameSync(dir, { timeoutMs: Math.min(timeoutMs, TIMEOUT_MS) });
  } catch (error) {
    // That nothing can be made there is an answer too: the merge has its own words for it.
    if (isErrno(error)) return;
    throw error;
  }
  const silence = silenceIn(asked);
  if (silence === undefined) return;
  // They lie where their path leads now: what `dir` says of it may be a number in /proc.
  const left = asked.left.map((one) => `${path}${one.slice(dir.length)}` as Bytes);
  const { code, why } = silence;
  const stays = left.length === 0 ? '' : `; left behind until it answers: ${left.map(quoted).join(', ')}`;
  throw new MergeError(code, `${quoted(path)} lies on a file system that ${why}${stays}`, {
    problems: left.map((one) => ({ code, path: one, message: `left behind: ${quoted(one)}` })),
  });
}

/** Why the file system cannot be worked on without the danger of a call that never returns; undefined when it can. */
export function silenceIn({
  shapes,
  left,
}: RenameShapes): { readonly code: ErrorCode; readonly why: string } | undefined {
  const verdicts = Object.entries(shapes);
  const hung = verdicts.flatMap(([shape, { verdict }]) => (verdict === 'hung' ? [shape] : []));
  if (hung.length > 0) return { code: 'RENAME_HANGS', why: `never answers rename (${hung.join(', ')})` };
  // Whatever kept a shape from being tried keeps a merge too: it would make the same call in a process that nobody watches.
  for (const [shape, verdict] of verdicts) {
    if (verdict.verdict === 'not-measured')
      return { code: 'NOT_ANSWERING', why: `could not be asked whether it answers (${shape}: ${verdict.why})` };
  }
  if (left.length === 0) return undefined;
  return { code: 'NOT_ANSWERING', why: 'did not let go of what was made there to ask whether it answers' };
}
