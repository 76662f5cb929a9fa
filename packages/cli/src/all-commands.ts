import { commands as loaders } from './commands.ts';

/** Every command, loaded. oclif finds them here (strategy `explicit`) when it has to know all: for help, and what is no command. */
export const commands = Object.fromEntries(
  await Promise.all(Object.entries(loaders).map(async ([id, load]) => [id, await load()] as const)),
);
