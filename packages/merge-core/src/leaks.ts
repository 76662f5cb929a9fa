import { type LeakReport, probeLeak } from '@emplace/fsprobe';
import { type Bytes, toBuffer } from '@emplace/syscalls';
import { absolute } from './options.ts';
import { mergeSync } from './run.ts';
import { builtIn } from './strategy/select.ts';

/**
 * Which strategies let a process that runs a replaced file show a path of the image (G9), measured by the engine's own
 * merges in private directories below the two that are given; see `probeLeak`. A strategy that is impossible there is
 * `not-measured` with the code of its MergeError.
 *
 * @param source where images are, for instance the directory above `$D`. Text is UTF-8.
 * @param target a directory of the file system that they are put on
 * @throws MergeError BAD_OPTION for an empty path; SyscallError for a directory that cannot be opened or written to
 */
export async function probeLeaks(source: string | Uint8Array, target: string | Uint8Array): Promise<LeakReport> {
  const ways = builtIn.map(({ name }) => ({
    name,
    replace: (image: Bytes, root: Bytes): void => {
      mergeSync({ image: toBuffer(image), root: toBuffer(root), strategy: name, sync: 'none' });
    },
  }));
  return probeLeak(absolute(source, 'source'), absolute(target, 'target'), ways);
}
