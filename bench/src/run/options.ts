import { parseArgs } from 'node:util';

export interface RunOptions {
  /** Names or families; none: all. */
  readonly cases: readonly string[];
  /** Regular expression of the engines to run. */
  readonly engines: string;
  readonly rounds: number;
  /** The rounds come to those that were measured before. */
  readonly more: boolean;
  /** Measure nothing, show where the time of the library goes. */
  readonly profile: boolean;
  /** Count system calls too. */
  readonly calls: boolean;
}

/** @throws TypeError for what it does not know */
export function runOptions(args: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string', default: '' },
      engines: { type: 'string', default: '' },
      rounds: { type: 'string', default: '3' },
      more: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      'no-calls': { type: 'boolean', default: false },
    },
  });
  const { cases, engines, rounds, more, profile, 'no-calls': without } = values;
  return { cases: cases.split(',').filter(Boolean), engines, rounds: Number(rounds), more, profile, calls: !without };
}
