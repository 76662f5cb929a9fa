import { type Random, randomOf } from '@emplace/fixtures';

/** An input now and then is this long: what takes time or memory by the square of it shows. */
const LONG_BYTES = 512 * 1024;
const LONG_ONE_IN = 400;
const PIECES = [
  '\n',
  '\0',
  ' ',
  '\t',
  '\r',
  '"',
  "'",
  '\\',
  '/',
  '..',
  ' -> ',
  '\xff',
  '\xc3\xa9',
  '[',
  ']',
  '{',
  '}',
  '-1',
  '1e999',
];
const MORE_PIECES = [
  '18446744073709551616',
  '__proto__',
  'constructor',
  '*',
  '${',
  ' (deleted)',
  '\u2028',
  'null',
  '%s',
];

/** The `n`-th input made of real ones. The same seed and number give the same bytes. */
export function mutated(samples: readonly Buffer[], seed: number, n: number): Buffer {
  const random = randomOf(seed, n);
  if (random.chance(0.05)) return noise(random, random.integer(400));
  let bytes = random.pick(samples);
  for (let times = 1 + random.integer(4); times > 0; times--) bytes = change(bytes, samples, random);
  return random.integer(LONG_ONE_IN) === 0 ? lengthened(bytes, random) : bytes;
}

function change(bytes: Buffer, samples: readonly Buffer[], random: Random): Buffer {
  const at = random.integer(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.integer(24));
  switch (random.integer(8)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << random.integer(8));
      return flipped;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), noise(random, 1 + random.integer(6)), bytes.subarray(to)]);
    case 5: {
      const other = random.pick(samples);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.integer(other.length + 1))]);
    }
    case 6: {
      const digit = bytes.toString('latin1').replace(/\d+/g, (number) => (random.chance(0.1) ? '4294967296' : number));
      return Buffer.from(digit, 'latin1');
    }
    default: {
      const piece = Buffer.from(random.pick([...PIECES, ...MORE_PIECES]), 'latin1');
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
  }
}

/** One piece of it again and again. */
function lengthened(bytes: Buffer, random: Random): Buffer {
  const at = random.integer(bytes.length + 1);
  const piece = bytes.subarray(at, at + 1 + random.integer(40));
  if (piece.length === 0) return bytes;
  const repeated = Buffer.alloc(LONG_BYTES, piece);
  return Buffer.concat([bytes.subarray(0, at), repeated, bytes.subarray(at)]);
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.integer(256)));
}
