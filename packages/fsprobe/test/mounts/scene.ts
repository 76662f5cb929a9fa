/** A tmpfs to mount things in; all of it is gone at the end of the `using` block. */
import { execFileSync } from 'node:child_process';
import { mountTmpfs, type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';

export interface Scene extends TemporaryDirectory {
  /** Runs a shell script in it, where anything may be mounted: for what is not text, and for btrfs. */
  run(script: string): void;
}

export function scene(): Scene {
  const place = temporaryDirectory();
  const top = place.at('top');
  mountTmpfs(top);
  const at = (name: string): string => (name === '' ? top : `${top}/${name}`);
  return {
    path: top,
    at,
    make: (name) => place.make(`top/${name}`),
    run: (script) => void execFileSync('sh', ['-ec', script], { cwd: top, stdio: ['ignore', 'pipe', 'pipe'] }),
    [Symbol.dispose]: () => {
      // Lazily, for that takes along whatever is mounted below, hidden or not.
      execFileSync('umount', ['-l', top]);
      place[Symbol.dispose]();
    },
  };
}
