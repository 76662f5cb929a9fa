import { F_GETLEASE, F_OFD_GETLK, F_OFD_SETLK, F_SETLEASE, F_SETSIG, F_UNLCK, F_WRLCK } from './constants.ts';
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

/** struct flock: type 2, whence 2, padding 4, start 8, length 8 (0 is up to the end, wherever that moves), pid 4. */
const record = new DataView(new ArrayBuffer(32));
const recordBytes = Buffer.from(record.buffer);

function wholeFile(type: number): Buffer {
  recordBytes.fill(0);
  record.setInt16(0, type, true);
  return recordBytes;
}

/**
 * Locks or unlocks the whole of an open file without waiting; copies of the descriptor share the lock, and it conflicts
 * with the record locks of processes (lockf(3)), which those of flock(2) do not. Linux 3.15. See fcntl(2), F_OFD_SETLK.
 * @param type F_RDLCK, F_WRLCK or F_UNLCK
 * @throws SyscallError EAGAIN when another holds it, EBADF for F_WRLCK on a file that is not open for writing
 */
export function recordLock(fd: number, type: number): void {
  while (native().fcntlBuffer(fd, F_OFD_SETLK, wholeFile(type)) === -1)
    if (!interrupted()) throw failed('fcntl(F_OFD_SETLK)');
}

/**
 * Who holds a record lock that {@link recordLock} with F_WRLCK would meet: a process by its number, -1 for an open file
 * (whoever has it), 0 for a process of a PID namespace that is not seen from here; undefined for nobody. See fcntl(2),
 * F_OFD_GETLK.
 */
export function recordLockHolder(fd: number): number | undefined {
  while (native().fcntlBuffer(fd, F_OFD_GETLK, wholeFile(F_WRLCK)) === -1)
    if (!interrupted()) throw failed('fcntl(F_OFD_GETLK)');
  return record.getInt16(0, true) === F_UNLCK ? undefined : record.getInt32(24, true);
}
