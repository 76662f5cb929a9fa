import { createHash } from 'node:crypto';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ContentsEntry, formatContents, parseContents, whyNotCarried } from '../../src/ledger/contents.ts';

const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

const parse = (text: string) => parseContents(Buffer.from(text, 'latin1'));
const format = (...entries: ContentsEntry[]) => formatContents(entries).toString('latin1');

/** Names as packages have them, and all the odd ones that the format carries. */
const NAMES = [
  'plain',
  'with space',
  ' leading',
  'trailing ',
  'trailing\t',
  '\ttab\tinside',
  'two  blanks',
  'quote"\'`',
  'back\\slash',
  '$HOME',
  '*?[',
  '-> x',
  'a -> b',
  'a ->',
  `${MD5} 1`,
  '(1, 2L, 3L)',
  'na\xefve',
  '\xff\xfe',
  'n\xc3\xa4mlich',
  '\x85next',
  '\x0b\x0c\x1b[2J',
  'obj',
  '...',
  '..x',
  '#',
];

test('40,000 entries with odd names are written byte for byte as Portage has them, and read back (G.2, G.3)', () => {
  const entries: ContentsEntry[] = [];
  const lines: string[] = [];
  for (let i = 0; entries.length < 40_000; i++) {
    const directory = `usr/share/${NAMES[i % NAMES.length]}${i}`;
    entries.push({ type: 'dir', path: ascii(directory) });
    lines.push(`dir /${directory}\n`);
    for (const [j, name] of NAMES.entries()) {
      const path = ascii(`${directory}/${name}`);
      const [mtime, type] = [i * 1000 + j, j % 5];
      const md5 = createHash('md5').update(`${i} ${j}`).digest('hex');
      if (type < 3) {
        entries.push({ type: 'obj', path, md5, mtime });
        lines.push(`obj /${path} ${md5} ${mtime}\n`);
      } else if (type === 3) {
        const target = ascii((NAMES[(i + j) % NAMES.length] as string).replace('->', '>'));
        entries.push({ type: 'sym', path, target, mtime });
        lines.push(`sym /${path} -> ${target} ${mtime}\n`);
      } else {
        entries.push({ type: i % 2 === 0 ? 'fif' : 'dev', path });
        lines.push(`${i % 2 === 0 ? 'fif' : 'dev'} /${path}\n`);
      }
    }
  }
  const content = formatContents(entries);
  expect(content.equals(Buffer.from(lines.join(''), 'latin1'))).toBe(true);
  const { entries: read, problems } = parseContents(content);
  expect(problems).toEqual([]);
  expect(read).toEqual(entries);
});

const byte = fc.constantFrom(...Array.from('ab ->\t\\\r\n\0./(1,2L)\xff\xe4', (char) => char));
const bytes = fc.oneof(fc.string({ unit: byte, maxLength: 8 }), fc.constantFrom(...NAMES)).map((text) => text as Bytes);
const path = fc.array(bytes, { maxLength: 3 }).map((names) => names.join('/') as Bytes);
const mtime = fc.oneof(fc.nat(), fc.integer(), fc.constantFrom(-1, 0, 2 ** 31, 2 ** 53, 0.5));
const md5 = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 });
const entry: fc.Arbitrary<ContentsEntry> = fc.oneof(
  fc.record({ type: fc.constantFrom('dir' as const, 'fif' as const, 'dev' as const), path }),
  fc.record({ type: fc.constant('obj' as const), path, md5, mtime }),
  fc.record({ type: fc.constant('sym' as const), path, target: bytes, mtime }),
);

/** What the format is, with nothing refused. */
function line(each: ContentsEntry): string {
  if (each.type === 'obj') return `obj /${each.path} ${each.md5} ${each.mtime}\n`;
  if (each.type === 'sym') return `sym /${each.path} -> ${each.target} ${each.mtime}\n`;
  return `${each.type} /${each.path}\n`;
}

test('what is written is read back, and what would not be is not written', () => {
  fc.assert(
    fc.property(entry, (each) => {
      const { entries, problems } = parse(line(each));
      const back = problems.length === 0 && entries.length === 1 && JSON.stringify(entries[0]) === JSON.stringify(each);
      expect({ each, carried: whyNotCarried(each) === undefined }).toEqual({ each, carried: back });
      if (back) expect(format(each)).toBe(line(each));
      else expect(() => format(each)).toThrow('bug: CONTENTS cannot carry');
    }),
    { numRuns: 6000, seed: 1 },
  );
});

describe('what CONTENTS cannot carry is told', () => {
  const file = (fields: object) => ({ type: 'obj', path: 'a', md5: MD5, mtime: 1, ...fields }) as ContentsEntry;
  const link = (fields: object) => ({ type: 'sym', path: 'a', target: 'b', mtime: 1, ...fields }) as ContentsEntry;
  test.each<[string, ContentsEntry, string]>([
    ['a newline in a name', file({ path: 'a\nb' }), 'a name with a line break ends the line in CONTENTS'],
    ['a carriage return in a name', file({ path: 'a\rb' }), 'a name with a line break ends the line in CONTENTS'],
    ['the root itself', { type: 'dir', path: ascii('') }, 'its path is not clean'],
    ['a way up', file({ path: 'a/../b' }), 'its path is not clean'],
    ['an mtime before 1970 (G.3)', file({ mtime: -1 }), 'CONTENTS has no times before 1970'],
    ['half a second', file({ mtime: 1.5 }), 'CONTENTS has no times before 1970'],
    ['an upper-case MD5', file({ md5: MD5.toUpperCase() }), 'it has no MD5'],
    ['an arrow in a target (G.3)', link({ target: 'b -> c' }), 'a symlink target with ` -> ` is misread in CONTENTS'],
    [
      'an arrow that begins with the target',
      link({ target: '-> c' }),
      'a symlink target with ` -> ` is misread in CONTENTS',
    ],
    [
      'a line break in a target',
      link({ target: 'b\nc' }),
      'a symlink target with a line break ends the line in CONTENTS',
    ],
    ['an empty target', link({ target: '' }), 'its target is empty'],
  ])('%s', (_, each, why) => {
    expect(whyNotCarried(each)).toBe(why);
  });

  test('and what it can is not: the first second of 1970', () => {
    expect(whyNotCarried(file({ mtime: 0 }))).toBeUndefined();
  });
});

test('an arrow in the name of a symlink is carried, as the last one is what splits (G.3)', () => {
  expect(parse('sym /a -> b -> c 5\n').entries).toEqual([{ type: 'sym', path: 'a -> b', target: 'c', mtime: 5 }]);
});

test('a symlink of old, with the whole stat tuple for an mtime, is read (G.3)', () => {
  const lines =
    'sym /usr/lib -> lib 64 (41471, 12L, 770L, 1, 0, 0, 5L, 1069000000, 1068999999, 1069000001)\n' +
    'sym /usr/x -> y (41471, 12, 770, 1, 0, 0, 5, 1069000000, 7, 1069000001)\n' +
    'sym /usr/z -> (1, 2) 9\n';
  expect(parse(lines)).toEqual({
    entries: [
      { type: 'sym', path: 'usr/lib', target: 'lib 64', mtime: 1068999999 },
      { type: 'sym', path: 'usr/x', target: 'y', mtime: 7 },
      { type: 'sym', path: 'usr/z', target: '(1, 2)', mtime: 9 },
    ],
    problems: [],
  });
});

test('an upper-case MD5 of old is read in lower case (G.2)', () => {
  expect(parse(`obj /a ${MD5.toUpperCase()} 1\n`).entries).toEqual([{ type: 'obj', path: 'a', md5: MD5, mtime: 1 }]);
});

test('paths are made clean (G.3)', () => {
  expect(parse('dir //usr/./share//\n').entries).toEqual([{ type: 'dir', path: 'usr/share' }]);
});

test('each line that is unknown, torn or ambiguous is a problem with its number; the others are read', () => {
  const lines: [string, string | undefined][] = [
    ['dir /usr', undefined],
    ['', 'it starts with no type that is known (dir, obj, sym, fif, dev)'],
    ['lnk /usr/x', 'it starts with no type that is known (dir, obj, sym, fif, dev)'],
    [`bj /usr/a ${MD5} 1`, 'it starts with no type that is known (dir, obj, sym, fif, dev)'],
    ['dir usr', 'its path does not start at the root'],
    ['dir ', 'its path does not start at the root'],
    ['dir /', 'its path is the root'],
    ['dir /usr/../../etc', 'its path holds `..`'],
    ['obj /usr/a', 'it does not end with an mtime'],
    [`obj /usr/a ${MD5}`, 'it does not end with an mtime'],
    [`obj /usr/a ${MD5} `, 'it does not end with an mtime'],
    [`obj /usr/a ${MD5} -5`, 'it does not end with an mtime'],
    [`obj /usr/a ${MD5} 99999999999999999999`, 'it does not end with an mtime'],
    [`obj /usr/a ${MD5.slice(1)} 5`, 'it has no MD5 before the mtime'],
    [`obj ${MD5} 5`, 'it has no MD5 before the mtime'],
    ['obj 5', 'it has no MD5 before the mtime'],
    ['sym /usr/b 5', 'it does not say where the symlink leads'],
    ['sym /usr/b ->  5', 'it does not say where the symlink leads'],
    ['sym /usr/b -> c', 'it does not end with an mtime'],
    ['sym /usr/b -> c (1, 2L, 3)', 'it does not end with an mtime'],
    ['sym /usr/b -> c\0 5', 'it holds a NUL byte'],
    ['dir /usr\r', 'it holds a carriage return, which ends a line for Portage'],
    ['fif /usr/pipe', undefined],
    [`obj /usr/last ${MD5} 17`, 'the file ends in the middle of a line'],
  ];
  const { entries, problems } = parse(lines.map(([text]) => text).join('\n'));
  const expected = lines.flatMap(([text, why], i) => (why === undefined ? [] : [{ line: i + 1, text, why }]));
  expect(problems).toEqual(expected);
  expect(entries).toEqual([
    { type: 'dir', path: 'usr' },
    { type: 'fif', path: 'usr/pipe' },
  ]);
});

test('of a file that is something else not every line is reported, and no long line whole', () => {
  const { entries, problems } = parse(`${'x'.repeat(1000)}\n`.repeat(5000));
  expect(entries).toEqual([]);
  expect(problems.length).toBe(1000);
  expect(problems[0]?.text.length).toBe(200);
});

test('however a CONTENTS was torn, nothing is read that was not written', () => {
  const entries: ContentsEntry[] = [
    { type: 'dir', path: toBytes('usr') },
    { type: 'obj', path: toBytes('usr/a b'), md5: MD5, mtime: 1_700_000_000 },
    { type: 'sym', path: toBytes('usr/l'), target: toBytes('a b'), mtime: 1_700_000_000 },
    { type: 'fif', path: toBytes('usr/fifo') },
  ];
  const whole = formatContents(entries);
  for (let end = 0; end < whole.length; end++) {
    const torn = parseContents(whole.subarray(0, end));
    const count = torn.entries.length;
    expect({ end, entries: torn.entries }).toEqual({ end, entries: entries.slice(0, count) });
    expect({ end, whole: torn.problems.length === 0 }).toEqual({
      end,
      whole: end === formatContents(entries.slice(0, count)).length,
    });
  }
});

test('an empty CONTENTS is one without entries', () => {
  expect(parse('')).toEqual({ entries: [], problems: [] });
  expect(format()).toBe('');
});
