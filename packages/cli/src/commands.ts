import type { Command } from '@oclif/core';
import { ConfigAccept } from './commands/config/accept.ts';
import { ConfigDiff } from './commands/config/diff.ts';
import { ConfigList } from './commands/config/list.ts';
import { ConfigMerge } from './commands/config/merge.ts';
import { ConfigReject } from './commands/config/reject.ts';
import { Merge } from './commands/merge.ts';
import { Mounts } from './commands/mounts.ts';
import { Owner } from './commands/owner.ts';
import { Probe } from './commands/probe.ts';
import { Recover } from './commands/recover.ts';
import { Scan } from './commands/scan.ts';
import { Unmerge } from './commands/unmerge.ts';
import { Verify } from './commands/verify.ts';

/** What `emplace` can do. oclif finds the commands here (strategy `explicit`). */
export const commands: Record<string, Command.Class> = {
  merge: Merge,
  unmerge: Unmerge,
  owner: Owner,
  verify: Verify,
  'config:list': ConfigList,
  'config:diff': ConfigDiff,
  'config:merge': ConfigMerge,
  'config:accept': ConfigAccept,
  'config:reject': ConfigReject,
  recover: Recover,
  probe: Probe,
  mounts: Mounts,
  scan: Scan,
};
