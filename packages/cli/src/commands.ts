import type { Command } from '@oclif/core';
import { Merge } from './commands/merge.ts';
import { Mounts } from './commands/mounts.ts';
import { Probe } from './commands/probe.ts';
import { Recover } from './commands/recover.ts';

/** What `emplace` can do. oclif finds the commands here (strategy `explicit`). */
export const commands: Record<string, Command.Class> = { merge: Merge, recover: Recover, probe: Probe, mounts: Mounts };
