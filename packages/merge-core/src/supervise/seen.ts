import type { Emit, MergeEvent, Phase, Warning } from '../events.ts';

/** What the movers of one merge told of it, for who has to say in the end what came of it. */
export class Seen {
  /** The last phase that was begun. */
  phase: Phase | undefined;
  planned: Extract<MergeEvent, { type: 'planned' }>['planned'] | undefined;
  readonly #told: Warning[] = [];

  /** Listens to what is on its way to `emit`. */
  listening(emit: Emit): Emit {
    return (event) => {
      if (event.type === 'planned') this.planned = event.planned;
      if (event.type === 'phase') this.phase = event.phase;
      if (event.type === 'warning') this.#told.push(event.warning);
      emit(event);
    };
  }

  /** Before that nothing was written but the lock. */
  get touched(): boolean {
    return this.phase !== undefined && this.phase !== 'plan';
  }

  /** Which tree a merge has reached whose journal is gone: removing it ends both ways. `none`: it had none yet. */
  get treeWithoutJournal(): 'old' | 'new' | 'none' {
    if (this.phase === 'clean-up') return 'new';
    return this.phase === 'roll-back' ? 'old' : 'none';
  }

  /** Of all movers, in their order: what the plan says, then what was told. */
  get warnings(): Warning[] {
    return [...(this.planned?.warnings ?? []), ...this.#told];
  }
}
