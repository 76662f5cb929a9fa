import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Fact } from '@emplace/fsprobe';

/** Fact → `yes`, `no EXDEV`, `no other` (it worked, and did something else) or `not-measured`. */
export type Answers = Readonly<Record<string, string>>;

/** What the bare system calls say of a source and a target directory. */
export type Oracle = (source: string, target: string) => Answers;

/** Compiles oracle.c. @param program where the program goes */
export function compileOracle(program: string): Oracle {
  const code = fileURLToPath(new URL('./oracle.c', import.meta.url));
  execFileSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, code]);
  return (source, target) => JSON.parse(execFileSync(program, [source, target], { encoding: 'utf8' }));
}

/** Facts in the oracle's words. */
export function inWords(facts: Readonly<Partial<Record<string, Fact>>>): Answers {
  const words = Object.entries(facts).map(([name, fact]) => [name, word(fact as Fact)]);
  return Object.fromEntries(words);
}

function word(fact: Fact): string {
  return fact.answer === 'no' ? `no ${fact.errno ?? 'other'}` : fact.answer;
}
