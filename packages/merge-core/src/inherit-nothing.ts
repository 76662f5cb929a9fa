import { closeOnExec, isErrno } from '@emplace/syscalls';

/** Node's own descriptors are close-on-exec; those that this process was given, or that a library opened, may not be. */
export function inheritNothing(): void {
  try {
    closeOnExec(3);
  } catch (error) {
    // Linux before 5.11: Node has seen to the first sixteen when it started.
    if (!isErrno(error, 'EINVAL', 'ENOSYS')) throw error;
  }
}
