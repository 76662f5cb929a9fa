import { show, toBytes } from '@emplace/syscalls';

/** Why a process ended that did not say so itself: ``ended with exit code 1: TypeError: …``. @param stderr what it wrote there */
export function howItEnded(status: number | null, signal: string | null, stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((one) => /^\w*Error\b/.test(one)) ?? lines.at(-1);
  const how = signal === null ? `exit code ${status}` : signal;
  return `ended with ${how}${line === undefined ? '' : `: ${show(toBytes(line))}`}`;
}
