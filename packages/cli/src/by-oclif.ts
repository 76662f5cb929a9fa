import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Interfaces } from '@oclif/core';
// Loaded here and not by a command: it takes hold of what happens to the output, and who starts us has that back after.
import '@oclif/core/command';
import { execute } from '@oclif/core/execute';
import { handle } from '@oclif/core/handle';
import manifest from '../package.json' with { type: 'json' };

const oclif: Interfaces.PJSON['oclif'] = {
  ...manifest.oclif,
  topicSeparator: ' ',
  // all-commands.ts, beside this in the bundle.
  commands: { strategy: 'explicit', target: './commands.mjs', identifier: 'commands' },
};

/** Help, the version, and what is wrong with `words` that are no command. */
export async function runByOclif(words: readonly string[]): Promise<void> {
  const root = dirname(fileURLToPath(import.meta.url));
  await execute({ args: [...words], loadOptions: { root, pjson: { ...manifest, oclif } } });
}

/** What a command ended with that it has no words for. */
export async function tellByOclif(error: unknown): Promise<void> {
  await handle(error as Error);
}
