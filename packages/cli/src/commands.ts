import type { Command } from '@oclif/core';

/** What `emplace` can do. Each is loaded when it is asked for: a start runs nothing that it does not need. */
export const commands: Readonly<Record<string, () => Promise<Command.Class>>> = {
  merge: async () => (await import('./commands/merge.ts')).Merge,
  unmerge: async () => (await import('./commands/unmerge.ts')).Unmerge,
  owner: async () => (await import('./commands/owner.ts')).Owner,
  verify: async () => (await import('./commands/verify.ts')).Verify,
  'config:list': async () => (await import('./commands/config/list.ts')).ConfigList,
  'config:diff': async () => (await import('./commands/config/diff.ts')).ConfigDiff,
  'config:merge': async () => (await import('./commands/config/merge.ts')).ConfigMerge,
  'config:accept': async () => (await import('./commands/config/accept.ts')).ConfigAccept,
  'config:reject': async () => (await import('./commands/config/reject.ts')).ConfigReject,
  recover: async () => (await import('./commands/recover.ts')).Recover,
  probe: async () => (await import('./commands/probe.ts')).Probe,
  mounts: async () => (await import('./commands/mounts.ts')).Mounts,
  scan: async () => (await import('./commands/scan.ts')).Scan,
};
