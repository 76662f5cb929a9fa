/** Worlds in which a merge once went wrong, one a file: they are played before any new ones are made up. */

import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from './world.ts';

const directory = fileURLToPath(new URL('cases', import.meta.url));

export function keptCases(): { readonly name: string; readonly world: World }[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort();
  return names.map((name) => ({ name, world: JSON.parse(readFileSync(join(directory, name), 'utf8')) as World }));
}

/** @returns the file's name. It may get a better one when its defect is understood. */
export function keepCase(world: World): string {
  const text = `${JSON.stringify(world, undefined, 2)}\n`;
  const name = `found-${hash('sha256', text).slice(0, 8)}.json`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), text);
  return name;
}
