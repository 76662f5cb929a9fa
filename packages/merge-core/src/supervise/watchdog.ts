import { GAP_MAX_MS } from '../after-running.ts';
import type { Doing, Page } from './page.ts';
import { type CallKind, callByNumber } from './published.ts';

/** Between two looks at the page. */
const LOOK_MS = 50;
/** How long a call takes before anybody is told, and between two times that they are. */
const TELL_MS = 1_000;

export interface Watch {
  /** How long each kind of call may take. */
  readonly limitsMs: Readonly<Record<CallKind, number>>;
  /** Somebody suspended the mover: then it is no call that keeps it. */
  readonly isSuspended: () => boolean;
  readonly onSuspended: () => void;
  /** A call takes long. */
  readonly onWaiting: (doing: Doing, ms: number) => void;
  /** A call took longer than it may. Told once. */
  readonly onStalled: (doing: Doing, ms: number) => void;
}

/**
 * Looks at what the mover does, and how long already. Time in which this process did not run does not count: after
 * SIGSTOP or a laptop's sleep the mover gets its time again.
 */
export function watchPage(page: Pick<Page, 'read'>, watch: Watch): Disposable {
  let seen = page.read();
  let waited = 0;
  let told = 0;
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    const gap = now - last;
    last = now;
    const doing = page.read();
    if (doing.call === 0 || doing.count !== seen.count || doing.call !== seen.call) {
      seen = doing;
      waited = told = 0;
      return;
    }
    waited += gap > GAP_MAX_MS ? 0 : gap;
    if (waited - told >= TELL_MS && watch.isSuspended()) {
      waited = told;
      watch.onSuspended();
      return;
    }
    const kind = callByNumber(doing.call)?.kind ?? 'names';
    if (waited >= watch.limitsMs[kind]) {
      clearInterval(timer);
      watch.onStalled(doing, Math.round(waited));
    } else if (waited - told >= TELL_MS) {
      told = waited;
      watch.onWaiting(doing, Math.round(waited));
    }
  };
  const timer = setInterval(look, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** What each kind of call may take, from the base that the caller gives: a sync waits for all that is unwritten. */
export function limitsFrom(stallTimeoutMs: number): Watch['limitsMs'] {
  return { names: stallTimeoutMs, data: 2 * stallTimeoutMs, sync: 10 * stallTimeoutMs };
}
