import type { MergeEvent } from '@emplace/merge-core';
import { show } from '@emplace/syscalls';
import { Format, SingleBar } from 'cli-progress';
import { renderJsonLine } from './json.ts';

export type ProgressKind = 'auto' | 'json' | 'none';

/** Shorter merges show no bar: it would only flicker. */
const BAR_AFTER_MS = 500;

export interface Progress extends Disposable {
  readonly onEvent: (event: MergeEvent) => void;
}

/** `auto` is a bar when `stream` is a terminal; `json` is one event a line. */
export function showProgress(kind: ProgressKind, stream: NodeJS.WriteStream): Progress {
  if (kind === 'json')
    return {
      onEvent: (event) => void stream.write(`${renderJsonLine(event, plainErrors)}\n`),
      [Symbol.dispose]: () => {},
    };
  if (kind === 'none') return { onEvent: () => {}, [Symbol.dispose]: () => {} };
  return stream.isTTY ? bar(stream) : { onEvent: (event) => tellHook(event, stream), [Symbol.dispose]: () => {} };
}

/** Told about once a second: the first one, and those at 10, 20 … seconds. */
function isTenth(ms: number): boolean {
  return ms < 2_000 || ms % 10_000 < 1_000;
}

/** What a hook writes, as it does, with its phase before it. */
function tellHook(event: MergeEvent, stream: NodeJS.WriteStream): void {
  if (event.type === 'hook-said') stream.write(`${event.phase}: ${show(event.line)}\n`);
  // Every second for a bar; here what is waited for is told once in ten.
  else if (event.type === 'waiting' && !stream.isTTY && isTenth(event.waiting.ms))
    stream.write(`${waitingLine(event.waiting)}\n`);
}

function waitingLine({ what, ms }: Extract<MergeEvent, { type: 'waiting' }>['waiting']): string {
  return `waiting ${Math.round(ms / 1000)} s for ${what}`;
}

function bar(stream: NodeJS.WriteStream): Progress {
  const started = performance.now();
  const line = new SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    format: (options, params, payload: Shown) => {
      const phase = (payload.phase ?? '').padEnd(8);
      if (payload.waiting !== undefined) return `${phase} ${payload.waiting}`;
      const rate = payload.perSecond === undefined ? '' : ` ${Math.round(payload.perSecond)}/s`;
      if (params.total === 0) return `${phase} ${params.value} entries${rate}`;
      const done = Format.BarFormat(params.progress, { ...options, barsize: 30 });
      return `${phase} ${done} ${params.value}/${params.total}${rate}`;
    },
    barCompleteChar: '#',
    barIncompleteChar: '.',
  });
  let shown = false;
  let phaseStarted = started;
  return {
    onEvent: (event) => {
      if (event.type === 'hook-started' && shown) {
        // The line of the bar is the hook's now.
        line.stop();
        shown = false;
      }
      tellHook(event, stream);
      if (event.type === 'phase') phaseStarted = performance.now();
      const wanted = event.type === 'phase' || event.type === 'progress' || event.type === 'waiting';
      if (!wanted || performance.now() - started < BAR_AFTER_MS) return;
      if (!shown) line.start(0, 0, {});
      shown = true;
      if (event.type === 'waiting') {
        line.update({ waiting: waitingLine(event.waiting) } satisfies Shown);
        return;
      }
      const done = event.type === 'progress' ? event.done : 0;
      const perSecond = done === 0 ? undefined : (done * 1000) / (performance.now() - phaseStarted);
      line.setTotal(event.total ?? 0);
      line.update(done, { phase: event.phase, perSecond, waiting: undefined } satisfies Shown);
    },
    [Symbol.dispose]: () => {
      if (shown) line.stop();
    },
  };
}

/** What the line shows beside the numbers. */
interface Shown {
  readonly phase?: string;
  readonly perSecond?: number | undefined;
  readonly waiting?: string | undefined;
}

/** An Error has no fields that JSON would show. */
function plainErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message } : value;
}
