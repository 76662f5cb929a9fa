import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MergeError, refuse } from '../../src/errors.ts';
import { formatConfigMemory, parseConfigMemory } from '../../src/ledger/config-memory.ts';
import { lineProblems } from '../../src/ledger/lines.ts';

const A = 'd41d8cd98f00b204e9800998ecf8427e';
const B = '0cc175b9c0f1b6a831c399e269772661';

const parse = (text: string) => parseConfigMemory(Buffer.from(text, 'latin1'));

test('one path and MD5 a line, as Portage writes them (F.6)', () => {
  const text = `/etc/fstab ${A}\n/etc/hosts ${B}\n`;
  const { memory, problems } = parse(text);
  expect([...memory]).toEqual([
    ['etc/fstab', A],
    ['etc/hosts', B],
  ]);
  expect(problems).toEqual([]);
  expect(formatConfigMemory(memory).toString('latin1')).toBe(text);
});

const name = fc
  .array(fc.constantFrom('a', 'b', ' ', '\t', '/', '#', '"', '\\', '.', A, '\xff', '\xe4', '\x85', '\x0b'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join('') as Bytes);
const md5 = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 });

test('a path with blanks is found again, and the file does not grow (F.6)', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, md5), { maxLength: 5 }), (entries) => {
      const memory = new Map(entries);
      const content = formatConfigMemory(memory);
      const again = parseConfigMemory(content);
      expect(again).toEqual({ memory, problems: [] });
      expect(formatConfigMemory(again.memory).equals(content)).toBe(true);
    }),
    { numRuns: 3000, seed: 1 },
  );
});

test('a path with a line break is left out, and the others are written', () => {
  const memory = new Map([
    ['etc/a\nb', A],
    ['etc/c\rd', A],
    ['etc/e', B],
  ] as [Bytes, string][]);
  expect(formatConfigMemory(memory).toString()).toBe(`/etc/e ${B}\n`);
});

test('blank lines, comments and a last line without its end are no junk', () => {
  const { memory, problems } = parse(`# by hand\n\n  \n/etc/a ${A.toUpperCase()} \n/etc/b ${B}`);
  expect([...memory]).toEqual([
    ['etc/a', A],
    ['etc/b', B],
  ]);
  expect(problems).toEqual([]);
});

test('junk is refused with file and line, CONFIG_MEMORY_INVALID', () => {
  const { memory, problems } = parse(
    `/etc/a ${A}\nhello\n/etc/b\netc/c ${B}\n/etc/d ${B.slice(1)}\n/e\0tc/e ${B}\n\x1b[2J\n`,
  );
  expect([...memory.keys()]).toEqual(['etc/a']);
  expect(problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7]);
  const error = refuse(lineProblems('CONFIG_MEMORY_INVALID', ascii('var/lib/portage/config'), problems));
  expect(error).toBeInstanceOf(MergeError);
  expect(error.message.split('\n')).toContain('`var/lib/portage/config`, line 2: it is not PATH MD5: `hello`');
  expect(error.message.split('\n')).toContain('`var/lib/portage/config`, line 7: it is not PATH MD5: `\\x1b[2J`');
});
