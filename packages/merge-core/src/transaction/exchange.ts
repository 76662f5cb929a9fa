import { isErrno } from '@emplace/syscalls';
import type { Name } from '../strategy/strategy.ts';
import { statName, type Transaction } from './transaction.ts';

/**
 * Exchanges two names, so that the inode `wanted` is at `target`. After EINTR it may have been done or not: done twice
 * it would be undone, so the inode is asked.
 */
export function exchange(t: Transaction, other: Name, target: Name, wanted: bigint | undefined): void {
  for (;;) {
    try {
      t.fs.exchange(other.dir, other.name, target.dir, target.name);
      return;
    } catch (error) {
      if (!isErrno(error, 'EINTR')) throw error;
      if (statName(t, target)?.ino === wanted) return;
    }
  }
}
