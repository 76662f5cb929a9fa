import type { Run } from './case.ts';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function times(runs: readonly Run[]): number[] {
  return runs.map(({ ms }) => ms);
}

/** Median of the ratios round by round: what drifts in the machine is in both. */
export function pairedRatio(runs: readonly Run[], base: readonly Run[]): number {
  return median(runs.map(({ ms }, round) => ms / (base[round]?.ms ?? Number.NaN)));
}
