import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Jobs, Role } from './messages.ts';

/** How a child of a role is started, but for its stdio. */
export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  /** For its stdin. */
  readonly input: string;
  /** `/`: Node does not start in a directory that is gone. */
  readonly options: { readonly cwd: string };
}

export function startOf<R extends Role>(role: R, job: Jobs[R]): Start {
  // Beside this file as a source, as tsc's output, and in the command line's bundle, which has it as an entry: there
  // this file is part of a chunk, and all outputs lie in one directory.
  const extension = extname(import.meta.url);
  const script = fileURLToPath(new URL(`./rename-child${extension}`, import.meta.url));
  const flags = extension === '.ts' ? ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'] : [];
  return {
    command: process.execPath,
    args: [...flags, script, role],
    input: JSON.stringify({ parent: process.pid, job }),
    options: { cwd: '/' },
  };
}
