import type { FsPort } from '@emplace/fsprobe';
import type { Threads } from './threads.ts';

/**
 * A port to plan with where all of an image will be made anew: once many names of it were listed threads are started, so that
 * they are ready when the plan is.
 */
export function startingAhead(fs: FsPort, threads: Pick<Threads, 'start'>): FsPort {
  let names = 0;
  const list: FsPort['list'] = (dir) => {
    const found = fs.list(dir);
    names += found.length;
    threads.start(names, 0);
    return found;
  };
  return Object.create(fs, { list: { value: list } }) as FsPort;
}
