import type { Bytes } from '@emplace/syscalls';
import type { Jobs, Made, Place } from './messages.ts';
import { eachShape, everyShape, type RenameShapes, type ShapeName, type ShapeVerdict, shapeNames } from './shapes.ts';
import { GRACE_MS, type LimitsMs, type Outcome, watched } from './watched.ts';

/** Generous: a machine under load must not look like a broken file system. */
const START_MS = 10_000;
const WORK_MIN_MS = 2_000;

/**
 * Prepares, tries all shapes side by side, and cleans, each in children of its own. Makes no call itself that could hang.
 * @param stop ends the trying at once; what was made is still removed
 * @param making called when the probe's directory is there, or may yet appear
 * @throws SyscallError when the probe's directory cannot be made
 */
export async function supervise(job: Jobs['supervise'], stop: AbortSignal, making: () => void): Promise<RenameShapes> {
  const place: Place = { dir: job.dir, name: job.name };
  const limits = limitsFor(job.timeoutMs);
  const prepared = await watched('prepare', place, limits, stop);
  if (prepared.end === 'refused') throw prepared.error;
  if (prepared.step !== 'start') making();
  if (prepared.end !== 'done' || prepared.identity === undefined) {
    const left =
      prepared.step === 'start' ? [] : await cleaned(place, { shapes: [], all: prepared.pid === undefined }, limits);
    return { shapes: everyShape(verdictOf(prepared)), left };
  }
  const made = { ...place, identity: prepared.identity };
  const tried = new Map<ShapeName, Outcome>();
  await Promise.all(
    shapeNames.map(async (shape) => tried.set(shape, await watched('try', { ...made, shape }, limits, stop))),
  );
  // The directory of a shape that is stuck is locked: who touches it is stuck as well.
  const ended = shapeNames.filter((shape) => tried.get(shape)?.pid === undefined);
  const all = ended.length === shapeNames.length;
  const left = await cleaned(made, { shapes: ended, all, ...(prepared.before && { before: prepared.before }) }, limits);
  return { shapes: eachShape((shape) => verdictOf(tried.get(shape) as Outcome)), left };
}

/** What {@link supervise} takes at most, with all that it starts. */
export function superviseLimits(timeoutMs: number): LimitsMs {
  const { start, work, rename } = limitsFor(timeoutMs);
  // One child to prepare, one to try (they run side by side), one to clean, piece by piece; and time to spare.
  const all = 3 * (start + work + 2 * GRACE_MS) + (shapeNames.length + 1) * work + rename + START_MS;
  return { start, work: all, rename: all };
}

function limitsFor(timeoutMs: number): LimitsMs {
  return { start: START_MS, work: Math.max(timeoutMs, WORK_MIN_MS), rename: timeoutMs };
}

/** The path of the probe's directory. */
export function pathOf({ dir, name }: Place): Bytes {
  return `${dir === '/' ? '' : dir}/${name}` as Bytes;
}

/** @returns what is left */
async function cleaned(
  place: Place & Partial<Made>,
  what: Omit<Jobs['clean'], keyof Place | keyof Made>,
  limits: LimitsMs,
): Promise<Bytes[]> {
  const { end } = await watched('clean', { ...place, ...what }, limits);
  return what.all && end === 'done' ? [] : [pathOf(place)];
}

function verdictOf(outcome: Outcome): ShapeVerdict {
  const renaming = outcome.step === 'rename';
  switch (outcome.end) {
    case 'done':
      return { verdict: 'ok' };
    case 'refused':
      if (renaming) return { verdict: 'errno', errno: outcome.error.code };
      return { verdict: 'not-measured', why: outcome.error.message };
    case 'failed':
      return { verdict: 'not-measured', why: outcome.why };
    case 'hung': {
      const { afterMs, state, wchan, pid } = outcome;
      if (renaming) return { verdict: 'hung', afterMs, state, ...(wchan && { wchan }), ...(pid && { pid }) };
      const where = wchan === undefined ? state : `${state}, ${wchan}`;
      return { verdict: 'not-measured', why: `making its files had not ended after ${afterMs} ms (${where})` };
    }
    default:
      return outcome satisfies never;
  }
}
