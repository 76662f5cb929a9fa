import { Merge } from './commands/merge.ts';
import { Recover } from './commands/recover.ts';

/** What `emplace` can do. oclif finds the commands here (strategy `explicit`). */
export const commands: Record<string, typeof Merge | typeof Recover> = { merge: Merge, recover: Recover };
