import { randomBytes } from 'node:crypto';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { emptyBench, isBenchName } from './facts/bench-names.ts';
import { claim, whenOurs } from './facts/stale-bench.ts';
import type { DirHandle, FsPort, Named } from './fs/port.ts';
import { emptyDirectory } from './leaks/private-tree.ts';
import type { PrivateDirectory } from './private-directory.ts';

/** Which probe: of facts, with files by known names; of leaks, with whole trees. */
export type Kind = 'facts' | 'leaks';

const NAME = /^\.emplace-probe-[0-9a-f]{16}-(l?)[st]$/;

/** Two names that nobody can foresee, for a private directory in a source and one in a target. */
export function probeNames(kind: Kind): { readonly source: Bytes; readonly target: Bytes } {
  const head = `.emplace-probe-${randomBytes(8).toString('hex')}-${kind === 'leaks' ? 'l' : ''}`;
  return { source: ascii(`${head}s`), target: ascii(`${head}t`) };
}

/**
 * Removes from a directory what probes left that were killed: what is ours, and locked by no process. What is not sure
 * to be that stays, and so does everything where the directory cannot be read or written.
 */
export function sweep(dir: DirHandle, fs: FsPort): void {
  for (const { name } of tryList(dir, fs)) {
    const kind = NAME.exec(name)?.[1];
    if (kind === undefined) continue;
    try {
      whenOurs(dir, name, fs, (found) => (claim(found.dir, fs) ? removeKilled(found, kind === 'l', fs) : undefined));
    } catch (error) {
      if (!isErrno(error)) throw error;
    }
  }
}

function removeKilled(found: PrivateDirectory, isTree: boolean, fs: FsPort): string | undefined {
  // Whole trees are removed only where nobody can have put another directory under the name.
  if (isTree) return found.exposed ?? found.remove((dir) => emptyDirectory(dir, fs));
  return fs.list(found.dir).every(({ name }) => isBenchName(name))
    ? found.remove((dir) => emptyBench(dir, fs))
    : undefined;
}

function tryList(dir: DirHandle, fs: FsPort): readonly Named[] {
  try {
    return fs.list(dir);
  } catch (error) {
    if (isErrno(error)) return [];
    throw error;
  }
}
