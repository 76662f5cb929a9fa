import type { ChildProcess } from 'node:child_process';
import { type Equipment, equip } from './equipment.ts';
import { moverCommand, spawnMover } from './start-mover.ts';

/**
 * A mover that was started before it is known what it is to do. It loads and waits for its job, and ends without one when it is
 * let go, or when this process ends.
 */
export interface StartedMover extends Disposable {
  /** For its first merge, if it is still there by then; it belongs to who takes it. */
  take(): { readonly equipment: Equipment; readonly child: ChildProcess } | undefined;
}

/**
 * Starts a mover while the rest of the program loads; see {@link RootOptions.mover}.
 *
 * @returns undefined where that cannot be done: who merges starts one then, and says why not
 */
export function startMoverAhead(): StartedMover | undefined {
  using owned = new DisposableStack();
  try {
    const equipment = owned.use(equip());
    const child = spawnMover(moverCommand(), equipment.inherited);
    child.on('error', () => {});
    if (child.pid === undefined) return undefined;
    owned.defer(() => letGo(child));
    const kept = owned.move();
    let isOurs = true;
    return {
      take: () => {
        if (!isOurs || child.exitCode !== null || child.signalCode !== null) return undefined;
        isOurs = false;
        return { equipment, child };
      },
      [Symbol.dispose]: () => {
        if (isOurs) kept.dispose();
        isOurs = false;
      },
    };
  } catch {
    return undefined;
  }
}

/** It owns nothing, and nobody waits for its end. */
function letGo(child: ChildProcess): void {
  child.kill('SIGKILL');
  for (const stream of child.stdio) stream?.destroy();
  child.unref();
}
