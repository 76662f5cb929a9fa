import { F_GETLEASE, F_SETLEASE, F_SETSIG } from './constants.ts';
import { failed, interrupted } from './errno.ts';
import { native } from './native.ts';

/**
 * Locks or unlocks an open file; copies of the descriptor share the lock. See flock(2).
 * @param operation LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB to fail with EAGAIN rather than wait
 */
export function flock(fd: number, operation: number): void {
  while (native().flock(fd, operation) === -1) if (!interrupted()) throw failed('flock');
}

/**
 * Takes or gives back a lease. F_RDLCK is refused with EAGAIN while anybody has the file open for writing. Whoever
 * breaks it sends this process SIGIO, which by default ends it. See fcntl(2), Leases.
 * @param lease F_RDLCK, F_WRLCK or F_UNLCK
 */
export function setLease(fd: number, lease: number): void {
  while (native().fcntl(fd, F_SETLEASE, lease) === -1) if (!interrupted()) throw failed('fcntl(F_SETLEASE)');
}

/** Which signal tells that a lease on this open file is being broken, by number. See fcntl(2), F_SETSIG. */
export function setLeaseSignal(fd: number, signal: number): void {
  if (native().fcntl(fd, F_SETSIG, signal) === -1) throw failed('fcntl(F_SETSIG)');
}

/** The lease held on an open file: F_RDLCK, F_WRLCK or F_UNLCK. */
export function getLease(fd: number): number {
  const lease = native().fcntl(fd, F_GETLEASE, 0);
  if (lease === -1) throw failed('fcntl(F_GETLEASE)');
  return lease;
}
