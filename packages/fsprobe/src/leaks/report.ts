import type { Bytes } from '@emplace/syscalls';
import type { Left } from '../facts/workbench.ts';

/** What was replaced under a process that held it: the program it runs, a library it has mapped, a file it has open. */
export type Subject = 'program' | 'library' | 'data';

/** Where /proc shows a path for it. */
export type Where = 'exe' | 'maps' | 'map_files' | 'fd';

/** Once the target was replaced, or once what was left of the image is gone too. */
export type When = 'replaced' | 'image-removed';

/** One thing to look at. */
export interface Spot {
  readonly subject: Subject;
  readonly where: Where;
}

/** A path that a running process shows for the old file, and that is not the target's. */
export interface Leak extends Spot {
  readonly when: When;
  readonly shown: Bytes;
  /** The target's path; ` (deleted)` after it is no leak. */
  readonly expected: Bytes;
}

/** What a verdict says nothing about. */
export interface Unmeasured extends Spot {
  /** errno name; `ABSENT` for a subject that could not be had, `AMBIGUOUS` for text of maps that may mean two paths. */
  readonly code: string;
}

/**
 * How far the measurement of a way came: `proc` there is no /proc, `program` nothing to run was found, `prepare` the
 * probe's files, `start` the program did not run from the target, `before` it showed an odd path before anything was
 * replaced, `way` the way failed, `replaced` it left the old file in place, `read` /proc could not be read, `control`
 * the positive control was no leak.
 */
export type Step = 'proc' | 'program' | 'prepare' | 'start' | 'before' | 'way' | 'replaced' | 'read' | 'control';

export type Verdict =
  | { readonly verdict: 'clean'; readonly unmeasured: readonly Unmeasured[] }
  | { readonly verdict: 'leaks'; readonly leaks: readonly Leak[]; readonly unmeasured: readonly Unmeasured[] }
  | NotMeasured;

export interface NotMeasured {
  readonly verdict: 'not-measured';
  readonly step: Step;
  /**
   * An errno name or the way's own error code; `NOEXEC`, `TIMEOUT`, `SIGSEGV`, `exit 127` for a program that does not
   * run; `ODD_PATH`, `ABSENT`, `AMBIGUOUS` for what /proc shows; `EXPOSED` where others could replace what is
   * run, `NOT_OURS` where they did.
   */
  readonly code: string;
}

type WayVerdict = Verdict & { readonly name: string };

/**
 * How the positive control was made: the image and the target exchanged; an image on the target's own mount, where the
 * first cannot be; or, on a file system without RENAME_EXCHANGE, the target moved aside.
 */
export type ControlName = 'exchange' | 'exchange-on-target' | 'aside';

export interface LeakReport {
  /** Whether the positive control came out as a leak in every place that is looked at. Without that nothing is called clean. */
  readonly judged: boolean;
  /** Where it was not judged this says why: not measured, or no leak in `missed`. */
  readonly control: Verdict & { readonly name: ControlName; readonly missed: readonly Spot[] };
  readonly ways: readonly WayVerdict[];
  /** What could not be removed: others put something there, or in its place. Known once all is removed. */
  readonly left: readonly Left[];
}

export function notMeasured(step: Step, code: string): NotMeasured {
  return { verdict: 'not-measured', step, code };
}
