import type { Bytes } from '@emplace/syscalls';
import type { Problem } from '../errors.ts';
import { showPackage } from './package-name.ts';
import type { VdbDirectory } from './vdb.ts';
import type { Finding, FindingKind, VerifyCounts } from './verify.ts';
import { NOTHING_LOOKED_AT, type UnitResult, type VerifyUnit } from './verify-work.ts';

/** What changed about one path. */
export interface PathFinding {
  readonly path: Bytes;
  readonly what: readonly FindingKind[];
  /** It is configuration. */
  readonly config: boolean;
}

export interface VerifiedPackage {
  /** `CATEGORY/PF`. */
  readonly package: string;
  readonly counts: VerifyCounts;
  /** In the order of CONTENTS. */
  readonly findings: readonly PathFinding[];
  /** What is wrong with its entry in the database. */
  readonly problems: readonly Problem[];
}

/** How what was found is told. */
interface Told {
  /** Pass over findings of configuration. */
  readonly ignoreConfig?: boolean;
  /** Called for each package once all of it was looked at, in the order of the report. */
  readonly onPackage?: (verified: VerifiedPackage) => void;
}

/** Puts results that come in any order together to packages, and tells of these in theirs. */
export class Collector {
  readonly packages: VerifiedPackage[] = [];
  readonly #names: readonly VdbDirectory[];
  readonly #units: readonly VerifyUnit[];
  /** Of the database, by path. */
  readonly #problems: ReadonlyMap<Bytes, readonly Problem[]>;
  readonly #options: Told;
  /** By number, until all before it are there. */
  readonly #waiting = new Map<number, UnitResult>();
  #next = 0;
  #parts: UnitResult[] = [];

  constructor(
    names: readonly VdbDirectory[],
    units: readonly VerifyUnit[],
    problems: readonly Problem[],
    options: Told,
  ) {
    this.#names = names;
    this.#units = units;
    this.#problems = Map.groupBy(problems, ({ path }) => path);
    this.#options = options;
  }

  add(number: number, result: UnitResult): void {
    this.#waiting.set(number, result);
    for (let one = this.#take(); one !== undefined; one = this.#take()) {
      const unit = this.#units[this.#next++];
      this.#parts.push(one);
      if (unit !== undefined && unit.part === unit.parts - 1) this.#finish();
    }
  }

  #take(): UnitResult | undefined {
    const result = this.#waiting.get(this.#next);
    this.#waiting.delete(this.#next);
    return result;
  }

  #finish(): void {
    const of = this.#names[this.packages.length];
    if (of === undefined) throw new Error('bug: a package too many');
    const parts = this.#parts;
    this.#parts = [];
    const findings = parts.flatMap((part) => byPath(part.findings));
    const known = this.#problems.get(of.directory) ?? [];
    // A file that is missing is told by whoever looks for it.
    const more = parts
      .flatMap(({ problems }) => problems)
      .filter(({ path }) => path !== of.directory || known.length === 0);
    const verified = {
      package: showPackage(of.name),
      counts: sum(parts.map(({ counts }) => counts)),
      findings: this.#options.ignoreConfig === true ? findings.filter(({ config }) => !config) : findings,
      problems: [...known, ...more],
    };
    this.packages.push(verified);
    this.#options.onPackage?.(verified);
  }
}

/** Those of one path come together. */
function byPath(findings: readonly Finding[]): PathFinding[] {
  const paths: { path: Bytes; what: FindingKind[]; config: boolean }[] = [];
  for (const { path, finding, config } of findings) {
    const last = paths.at(-1);
    if (last?.path === path) last.what.push(finding);
    else paths.push({ path, what: [finding], config });
  }
  return paths;
}

export function sum(counts: readonly VerifyCounts[]): VerifyCounts {
  const keys = Object.keys(NOTHING_LOOKED_AT) as (keyof VerifyCounts)[];
  const total = { ...NOTHING_LOOKED_AT } as Record<keyof VerifyCounts, number>;
  for (const one of counts) for (const key of keys) total[key] += one[key];
  return total;
}
