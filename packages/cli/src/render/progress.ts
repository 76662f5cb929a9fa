import type { MergeEvent } from '@emplace/merge-core';
import { Format, SingleBar } from 'cli-progress';

export type ProgressKind = 'auto' | 'json' | 'none';

/** Shorter merges show no bar: it would only flicker. */
const BAR_AFTER_MS = 500;

export interface Progress extends Disposable {
  readonly onEvent: (event: MergeEvent) => void;
}

/** `auto` is a bar when `stream` is a terminal; `json` is one event a line. */
export function showProgress(kind: ProgressKind, stream: NodeJS.WriteStream): Progress {
  if (kind === 'json')
    return { onEvent: (event) => void stream.write(`${JSON.stringify(event)}\n`), [Symbol.dispose]: () => {} };
  return kind === 'auto' && stream.isTTY ? bar(stream) : { onEvent: () => {}, [Symbol.dispose]: () => {} };
}

function bar(stream: NodeJS.WriteStream): Progress {
  const started = performance.now();
  const line = new SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    format: (options, params, payload: { phase?: string }) => {
      const phase = (payload.phase ?? '').padEnd(8);
      if (params.total === 0) return `${phase} ${params.value} entries`;
      return `${phase} ${Format.BarFormat(params.progress, { ...options, barsize: 30 })} ${params.value}/${params.total}`;
    },
    barCompleteChar: '#',
    barIncompleteChar: '.',
  });
  let shown = false;
  return {
    onEvent: (event) => {
      if (event.type === 'warning' || performance.now() - started < BAR_AFTER_MS) return;
      if (!shown) line.start(0, 0, {});
      shown = true;
      line.setTotal(event.total ?? 0);
      line.update(event.type === 'progress' ? event.done : 0, { phase: event.phase });
    },
    [Symbol.dispose]: () => {
      if (shown) line.stop();
    },
  };
}
