import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';

/** An input of half a megabyte takes milliseconds. */
const STALL_MS = 15_000;
const LOOK_MS = 250;
const HEAP_MIB = 256;
const SHOWN_BYTES = 2_000;

export interface Fuzzed {
  readonly taken: number;
  readonly refused: number;
  /** What went wrong, with the input; undefined when nothing did. */
  readonly wrong: string | undefined;
}

/** Feeds a parser inputs in a process of its own, with a bounded heap, that is killed when one input takes too long. */
export async function fuzz(parser: string, seed: number, count: number, stallMs: number = STALL_MS): Promise<Fuzzed> {
  using directory = temporaryDirectory();
  const file = directory.at('input');
  writeFileSync(file, '');
  const script = fileURLToPath(new URL('fuzz-child.ts', import.meta.url));
  const flags = [
    '--conditions=@emplace/source',
    '--disable-warning=ExperimentalWarning',
    `--max-old-space-size=${HEAP_MIB}`,
  ];
  const args = [...flags, script, parser, `${seed}`, `${count}`, file];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const watch = watched(file, stallMs, () => child.kill('SIGKILL'));
  const [out, err, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  clearInterval(watch);
  if (status === 0) return { ...(JSON.parse(out) as { taken: number; refused: number }), wrong: undefined };
  const { number, input } = lastInput(file);
  const how = `${out}${err.slice(0, 2000)} (${signal ?? status}), at input ${number - 1} of seed ${seed}, ${input.length} bytes`;
  return { taken: 0, refused: 0, wrong: `${how}: ${JSON.stringify(input.toString('latin1', 0, SHOWN_BYTES))}` };
}

function watched(file: string, stallMs: number, stalled: () => void): NodeJS.Timeout {
  let [last, since] = [-1, Date.now()];
  return setInterval(() => {
    const { number } = lastInput(file);
    if (number !== last) [last, since] = [number, Date.now()];
    else if (Date.now() - since > stallMs) stalled();
  }, LOOK_MS);
}

function lastInput(file: string): { readonly number: number; readonly input: Buffer } {
  const fd = openSync(file, 'r');
  try {
    const head = Buffer.alloc(12);
    if (readSync(fd, head, 0, 12, 0) < 12) return { number: 0, input: Buffer.alloc(0) };
    const input = Buffer.alloc(head.readUInt32LE(8));
    readSync(fd, input, 0, input.length, 12);
    return { number: head.readDoubleLE(), input };
  } finally {
    closeSync(fd);
  }
}
