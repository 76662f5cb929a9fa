import type { Bytes } from '@emplace/syscalls';
import { type Left, Workbench } from '../facts/workbench.ts';
import { linuxPort } from '../fs/linux.ts';
import type { DirHandle, FsPort } from '../fs/port.ts';
import { NotOursError } from '../private-directory.ts';
import { openProc } from '../processes/proc.ts';
import { probeNames } from '../sweep.ts';
import { codeOf } from './failure.ts';
import { type Ground, measure } from './measure.ts';
import { type LeakReport, type NotMeasured, notMeasured, type Verdict } from './report.ts';
import { takeSample } from './sample.ts';
import { missedBy, type Views, verdictOf } from './verdict.ts';
import { type Control, controls, type Way } from './ways.ts';

/** All but what is known in the end. */
type Measured = Omit<LeakReport, 'left'>;

/**
 * Whether a process that runs a file from the target shows a path of the image, or of something in between, once the
 * file has been replaced. For each way `cat` is started from the target, with its C library mapped and a file open
 * there; all three are replaced; `/proc/PID/exe`, maps, map_files and fd are read before, after, and once the image is
 * gone. Takes some 20 ms a way, and room for a program and its C library.
 *
 * What it makes lies in a private directory in `source` and one in `target` (`.emplace-probe-…`), and is removed.
 * Nothing is measured where somebody else could replace what is run: in a directory that others may write to (without
 * the sticky bit), or that belongs to neither root nor us.
 * Not guaranteed: that nothing is left when this process is killed; that it returns where a file system never answers.
 *
 * @param source where images of the ways are made, an absolute path
 * @param target where they are put
 * @throws SyscallError when a directory cannot be opened or nothing can be made in it; whatever a way throws that has no `code`
 */
export async function probeLeak(source: Bytes, target: Bytes, ways: readonly Way[]): Promise<LeakReport> {
  const fs = linuxPort();
  using sourceDir = opened(source, fs);
  using targetDir = opened(target, fs);
  const left: Left[] = [];
  using bench = new Workbench(sourceDir.dir, targetDir.dir, probeNames('leaks'), fs, (side, name, why) => {
    left.push({ path: `${side === 'source' ? source : target}/${name}` as Bytes, why });
  });
  // What is left is known once the bench is disposed of, after this.
  return { ...(await measureOn(bench, ways)), left };
}

async function measureOn(bench: Workbench, ways: readonly Way[]): Promise<Measured> {
  let places: Readonly<Record<Control['image'], DirHandle>>;
  try {
    // Made before anything is measured, so that what cannot be made is an error and no verdict.
    places = { source: bench.source, target: bench.target };
  } catch (error) {
    if (error instanceof NotOursError) return nothingMeasured(ways, notMeasured('prepare', error.code));
    throw error;
  }
  // Programs are run from there, and what is in it is removed whatever it is.
  if (bench.exposed('source') !== undefined || bench.exposed('target') !== undefined)
    return nothingMeasured(ways, notMeasured('prepare', 'EXPOSED'));
  const { fs } = bench;
  let step: 'proc' | 'program' = 'proc';
  try {
    using proc = openProc();
    step = 'program';
    const sample = await takeSample(proc);
    return await measureAll(ways, places, { fs, proc, sample, target: places.target });
  } catch (error) {
    return nothingMeasured(ways, notMeasured(step, codeOf(error)));
  }
}

async function measureAll(
  ways: readonly Way[],
  places: Readonly<Record<Control['image'], DirHandle>>,
  ground: Ground,
): Promise<Measured> {
  const { control, seen } = await measureControl(places, ground);
  if (isNotMeasured(seen) && seen.step !== 'way') return nothingMeasured(ways, seen, control);
  const missed = isNotMeasured(seen) ? [] : missedBy(seen);
  const judged = !isNotMeasured(seen) && missed.length === 0;
  const verdicts: LeakReport['ways'][number][] = [];
  for (const way of ways) {
    const verdict = toVerdict(await measure(way, places.source, ground));
    const unproven = !judged && verdict.verdict === 'clean';
    verdicts.push({ name: way.name, ...(unproven ? notMeasured('control', 'NO_LEAK') : verdict) });
  }
  return { judged, control: { name: control.name, missed, ...toVerdict(seen) }, ways: verdicts };
}

/** The first control that works here. Across mounts, or without RENAME_EXCHANGE, it is not the first of all. */
async function measureControl(
  places: Readonly<Record<Control['image'], DirHandle>>,
  ground: Ground,
): Promise<{ readonly control: Control; readonly seen: Views | NotMeasured }> {
  for (const control of controls) {
    const seen = await measure(control, places[control.image], ground);
    if (!isNotMeasured(seen) || seen.step !== 'way' || control === controls.at(-1)) return { control, seen };
  }
  throw new Error('bug: there are no controls');
}

function nothingMeasured(ways: readonly Way[], why: NotMeasured, control = controls[0] as Control): Measured {
  return {
    judged: false,
    control: { name: control.name, missed: [], ...why },
    ways: ways.map(({ name }) => ({ name, ...why })),
  };
}

function isNotMeasured(seen: Views | NotMeasured): seen is NotMeasured {
  return 'verdict' in seen;
}

function toVerdict(seen: Views | NotMeasured): Verdict {
  return isNotMeasured(seen) ? seen : verdictOf(seen);
}

function opened(path: Bytes, fs: FsPort): Disposable & { readonly dir: DirHandle } {
  const dir = fs.openRoot(path);
  return { dir, [Symbol.dispose]: () => fs.closeDir(dir) };
}
