import { existsSync, realpathSync } from 'node:fs';
import { toBytes } from '@emplace/syscalls';
import type { ProgramSpec } from '../../src/index.ts';

/** A program that says nothing and ends. */
export const TRUE: string = realpathSync(existsSync('/usr/bin/true') ? '/usr/bin/true' : '/bin/true');

/** A program as tests write it down: text for what is bytes. */
export type Wish = Omit<Partial<ProgramSpec>, 'argv' | 'cwd'> & {
  readonly argv: readonly string[];
  readonly cwd?: string;
};

export function specOf({ argv, cwd = '/', ...rest }: Wish): ProgramSpec {
  return { env: process.env, ...rest, argv: argv.map((word) => toBytes(word)), cwd: toBytes(cwd) };
}
