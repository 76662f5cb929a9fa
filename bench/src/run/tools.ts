import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The bench's own programs, compiled. */
export interface Tools {
  readonly floor: string;
  readonly stopwatch: string;
  readonly smallFiles: string;
}

/** @param at path of a name in a directory for them */
export function compileTools(at: (name: string) => string): Tools {
  const compile = (source: string, name: string, libraries: readonly string[] = []): string => {
    execFileSync('gcc', ['-O2', '-Wall', '-o', at(name), here(source), ...libraries], { stdio: 'inherit' });
    return at(name);
  };
  return {
    floor: compile('../engines/floor.c', 'floor', ['-lcrypto', '-lpthread']),
    stopwatch: compile('stopwatch.c', 'stopwatch'),
    smallFiles: compile('../trees/small-files.c', 'small-files'),
  };
}
