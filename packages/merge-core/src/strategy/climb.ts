import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno, show } from '@emplace/syscalls';
import { MergeError, quoted } from '../errors.ts';
import { type Birthplace, birthplace } from './birthplace.ts';
import type { Reading } from './content.ts';
import type { Made } from './make-entry.ts';
import type { Choice } from './select.ts';
import { entryRefusals, type Name, type Strategy, siteRefusals } from './strategy.ts';

/** The ladder of strategies, and what it met so far. */
export class Climber {
  readonly choice: Choice;
  readonly #fs: FsPort;
  readonly #birthplaces = new Map<Bytes, Birthplace | undefined>();
  /** Rung and target directory that met a site refusal: not tried there again. */
  readonly #refused = new Set<string>();

  constructor(choice: Choice, fs: FsPort) {
    this.choice = choice;
    this.#fs = fs;
  }

  /** Stages one entry by `planned` or, for `auto`, the next rung that works: bounded, and it returns the rung that was used, and what that read. */
  climb(
    directory: Bytes,
    source: Name,
    stat: Stat,
    staged: Name,
    planned: Strategy,
    reading: Reading,
  ): { readonly rung: Strategy; readonly made: Made | undefined } {
    let last: unknown;
    for (const rung of [planned, ...this.#below(planned)]) {
      const here = `${rung.name} ${directory}`;
      if (this.#refused.has(here)) continue;
      try {
        const to = { ...staged, birthplace: this.#birthplace(directory, staged.dir) };
        return { rung, made: rung.stage(source, stat, to, this.#fs, reading) };
      } catch (error) {
        if (!isErrno(error, ...siteRefusals, ...entryRefusals)) throw error;
        if (isErrno(error, ...siteRefusals)) this.#refused.add(here);
        last = error;
      }
    }
    if (this.choice.strategy === 'auto') throw last;
    const why = last instanceof Error ? last.message : show(directory);
    throw new MergeError(
      'STRATEGY_IMPOSSIBLE',
      `strategy \`${this.choice.strategy}\` cannot stage ${quoted(source.name)}: ${why}`,
      { cause: last },
    );
  }

  /** What `auto` tries after a rung failed on an entry. */
  #below(planned: Strategy): Strategy[] {
    if (this.choice.strategy !== 'auto') return [];
    const { registry, links } = this.choice;
    return registry
      .slice(registry.indexOf(planned) + 1)
      .filter(({ traits }) => traits.staging === 'made' && (links || !traits.links));
  }

  #birthplace(directory: Bytes, dir: DirHandle): Birthplace | undefined {
    if (!this.#birthplaces.has(directory)) this.#birthplaces.set(directory, birthplace(dir, this.#fs));
    return this.#birthplaces.get(directory);
  }

  /** A strategy by its name. */
  named(name: string): Strategy {
    const found = this.choice.registry.find((strategy) => strategy.name === name);
    if (found === undefined) throw new Error(`bug: no strategy ${name}`);
    return found;
  }
}
