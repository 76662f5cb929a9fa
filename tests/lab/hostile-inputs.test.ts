/**
 * What Emplace reads may have been written by anybody, or be torn: a parser takes it or refuses it with an error of its
 * own, in time and memory that do not run away.
 */
import { describe, expect, test } from '@jest/globals';
import { fuzz } from './hostile-inputs/fuzz.ts';
import { controls, parsers } from './hostile-inputs/parsers.ts';
import { labSeed } from './seed.ts';
import { tell } from './table.ts';

const SEED = labSeed();
const INPUTS = Number(process.env.EMPLACE_RUNS ?? 8_000);
const CONTROL_STALL_MS = 2_000;
/** Reads its schema anew each time, as a command does. */
const SLOW = 'request document';

test.each(Object.keys(parsers))('%s: mutated bytes are taken or refused, nothing else', async (name) => {
  const inputs = name === SLOW ? INPUTS / 10 : INPUTS;
  const { taken, refused, wrong } = await fuzz(name, SEED, inputs);
  console.info(`${inputs} inputs for ${name}, seed ${SEED}: ${taken} taken, ${refused} refused`);
  expect(wrong).toBeUndefined();
  expect(taken + refused).toBe(inputs);
  tell({ kind: 'hostile input', fileSystem: name, tried: inputs, old: refused, new: taken, controlFailed: 0 });
});

describe('a parser that', () => {
  test.each(Object.keys(controls))('%s is found', async (name) => {
    const { wrong } = await fuzz(name, SEED, INPUTS, CONTROL_STALL_MS);
    expect(wrong).toMatch(/TypeError|SIGKILL|SIGABRT|heap|134/);
    tell({ kind: 'hostile input', fileSystem: name, tried: 0, old: 0, new: 0, controlFailed: 1 });
  });
});
