/**
 * Feeds a parser mutated inputs, and writes each into a file before it is parsed: whoever kills this finds there what it
 * was at.
 *
 *   node fuzz-child.ts PARSER SEED COUNT FILE
 *
 * Ends with 0 and prints how many it took and refused, or with 1 and prints what was thrown.
 */
import { openSync, writeSync } from 'node:fs';
import { randomOf } from '@emplace/fixtures';
import { mutated } from './mutate.ts';
import { controls, isTyped, parsers } from './parsers.ts';

/** Beside the heap, which Node bounds itself. */
const MEMORY_MORE_BYTES = 400 * 1024 * 1024;

const [name = '', seed = '', count = '', file = ''] = process.argv.slice(2);
const parser = parsers[name] ?? controls[name];
if (parser === undefined) throw new Error(`there is no parser ${name}`);
const progress = openSync(file, 'r+');
const samples = parser.samples();
const start = process.memoryUsage.rss();
const told = { taken: 0, refused: 0 };
// What is real has to be taken, else all that follows is turned away at the door.
for (const sample of samples) await parser.parse(sample);
for (let n = 0; n < Number(count); n++) {
  const changed = mutated(samples, Number(seed), n);
  const repairs = parser.repair !== undefined && randomOf(Number(seed), n, 1).chance(0.7);
  const input = repairs ? (parser.repair?.(changed) ?? changed) : changed;
  const head = Buffer.alloc(12);
  head.writeDoubleLE(n + 1);
  head.writeUInt32LE(input.length, 8);
  writeSync(progress, Buffer.concat([head, input]), 0, head.length + input.length, 0);
  try {
    await parser.parse(input);
    told.taken++;
  } catch (error) {
    if (!isTyped(error)) {
      console.log(`input ${n}: ${error instanceof Error ? error.stack : String(error)}`);
      process.exit(1);
    }
    told.refused++;
  }
  if (n % 64 === 0 && process.memoryUsage.rss() - start > MEMORY_MORE_BYTES) {
    console.log(`input ${n}: ${process.memoryUsage.rss() - start} bytes of memory more than at the start`);
    process.exit(1);
  }
}
console.log(JSON.stringify(told));
