import { isErrno } from '@emplace/syscalls';

/** @returns false when `act` failed with one of these errnos; what else it throws is thrown on. */
export function ignoring(act: () => void, ...errnos: readonly string[]): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (errnos.length > 0 && isErrno(error, ...errnos)) return false;
    throw error;
  }
}

/** Somebody may have moved or removed what we made: then it is not ours to care for. */
export function ignoringGone(act: () => void): void {
  ignoring(act, 'ENOENT');
}
