import { GAP_MAX_MS } from '../after-running.ts';
import type { Doing, Slot } from './page.ts';
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

/** A thread of the mover: what was seen of it last, and for how long that is the same, ms. */
interface Looked {
  readonly slot: Pick<Slot, 'read'>;
  seen: Doing;
  waited: number;
  told: number;
}

/**
 * Looks at what each thread of the mover does, and how long already. One that waits for the others makes no call. Time in which this process did not run does not count: after
 * SIGSTOP or a laptop's sleep the mover gets its time again.
 */
export function watchPage(slots: readonly Pick<Slot, 'read'>[], watch: Watch): Disposable {
  const threads = slots.map((slot): Looked => ({ slot, seen: slot.read(), waited: 0, told: 0 }));
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    const gap = now - last;
    last = now;
    const long = threads.filter((thread) => isSame(thread, gap) && thread.waited - thread.told >= TELL_MS);
    if (long.length > 0 && watch.isSuspended()) {
      for (const thread of long) thread.waited = thread.told;
      watch.onSuspended();
      return;
    }
    for (const { seen, waited } of threads) {
      if (seen.call === 0 || waited < watch.limitsMs[callByNumber(seen.call)?.kind ?? 'names']) continue;
      clearInterval(timer);
      watch.onStalled(seen, Math.round(waited));
      return;
    }
    for (const thread of long) {
      thread.told = thread.waited;
      watch.onWaiting(thread.seen, Math.round(thread.waited));
    }
  };
  const timer = setInterval(look, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Whether a thread is in the call that it was in. @param gap since then, ms */
function isSame(thread: Looked, gap: number): boolean {
  const { slot, seen } = thread;
  const doing = slot.read();
  if (doing.call === 0 || doing.count !== seen.count || doing.call !== seen.call) {
    thread.seen = doing;
    thread.waited = thread.told = 0;
    return false;
  }
  thread.waited += gap > GAP_MAX_MS ? 0 : gap;
  return true;
}

/** What each kind of call may take, from the base that the caller gives: a sync waits for all that is unwritten. */
export function limitsFrom(stallTimeoutMs: number): Watch['limitsMs'] {
  return { names: stallTimeoutMs, data: 2 * stallTimeoutMs, sync: 10 * stallTimeoutMs };
}
