/**
 * A mover: for each line that it reads it builds an image of programs that were never seen before, merges it by copy
 * into the root, and answers with a line.
 *
 *   node mover-script.ts IMAGE ROOT PROGRAM COUNT
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { mergeSync } from '../../src/index.ts';

const [image = '', root = '', program = '', count = ''] = process.argv.slice(2);
const content = readFileSync(program);
let round = 0;
for await (const _line of createInterface({ input: process.stdin })) {
  mkdirSync(join(image, 'bin'), { recursive: true });
  // What follows an ELF file is not looked at, but no two contents are alike.
  const fresh = Buffer.concat([content, Buffer.from(`round ${round++}`)]);
  for (let i = 0; i < Number(count); i++) writeFileSync(join(image, 'bin', `tool-${i}`), fresh, { mode: 0o755 });
  const { strategies } = mergeSync({ image, root, strategy: 'copy', sync: 'none' });
  rmSync(image, { recursive: true, force: true });
  process.stdout.write(`${strategies.copy}\n`);
}
