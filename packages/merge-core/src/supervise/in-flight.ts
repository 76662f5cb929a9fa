import type { FileHandle } from '@emplace/fsprobe';
import { receiveDescriptor, sendDescriptor } from '@emplace/syscalls';
import type { InFlight } from '../lock.ts';

/**
 * A pair of sockets in which one reference to a held lock waits, sent and not received. It keeps flock(2) between a mover that
 * is killed and the next: whoever has the sockets holds the lock, without a descriptor on that file system that would have to
 * be closed there.
 */
export function inFlight([to, from]: readonly [to: number, from: number]): InFlight {
  return {
    put: (file) => sendDescriptor(to, file),
    take: () => receiveDescriptor(from) as FileHandle | undefined,
  };
}
