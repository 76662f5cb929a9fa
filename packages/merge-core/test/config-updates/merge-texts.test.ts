import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { conflictsIn, hasMarks, markedConflict, mergedText, mergeTexts } from '../../src/config-updates/merge-texts.ts';

const mine = (base: string | undefined, own: string, theirs: string): string =>
  mergedText(mergeTexts({ base, mine: own, theirs }), (piece) => piece.mine);

/** Texts of few different lines, some torn, so that lines repeat and meet. */
const text = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', 'c', '', '#', '  d'), { maxLength: 12 }), fc.boolean())
  .map(([lines, torn]) => `${lines.join('\n')}${torn || lines.length === 0 ? '' : '\n'}`);

describe('a merge of three texts', () => {
  test('has the changes of both sides', () => {
    const pieces = mergeTexts({ base: 'a\nb\nc\nd\n', mine: 'A\nb\nc\nd\n', theirs: 'a\nb\nc\nD\ne\n' });
    expect(pieces.map(({ kind, line }) => [kind, line])).toEqual([
      ['mine', 1],
      ['same', 2],
      ['theirs', 4],
    ]);
    expect(mergedText(pieces, () => 'conflict')).toBe('A\nb\nc\nD\ne\n');
  });

  test('takes away what either side took away', () => {
    expect(mine('a\nb\nc\nd\ne\n', 'b\nc\nd\ne\n', 'a\nb\nc\nd\n')).toBe('b\nc\nd\n');
  });

  test('calls changes that touch a conflict, and changes that are alike none', () => {
    const touching = mergeTexts({ base: 'a\nb\n', mine: 'A\nb\n', theirs: 'a\nB\n' });
    expect(touching).toEqual([
      { kind: 'conflict', base: ['a\n', 'b\n'], mine: ['A\n', 'b\n'], theirs: ['a\n', 'B\n'], line: 1 },
    ]);
    expect(mergeTexts({ base: 'a\nb\n', mine: 'a\nB\n', theirs: 'a\nB\n' }).map(({ kind }) => kind)).toEqual([
      'same',
      'both',
    ]);
    expect(conflictsIn(mergeTexts({ base: 'a\n', mine: 'a\nx\n', theirs: 'a\ny\n' }))).toBe(1);
  });

  test('tells a last line without its newline from one with it', () => {
    expect(mine('a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nd\n')).toBe('A\nb\nc\nd\n');
  });

  test('is what one side has where the other changed nothing', () => {
    fc.assert(
      fc.property(text, text, (base, changed) => {
        expect(mine(base, changed, base)).toBe(changed);
        expect(mine(base, base, changed)).toBe(changed);
        expect(conflictsIn(mergeTexts({ base, mine: changed, theirs: changed }))).toBe(0);
        expect(mine(base, changed, changed)).toBe(changed);
      }),
    );
  });

  test('is made of pieces that give back each of the three texts, whoever is asked first', () => {
    fc.assert(
      fc.property(text, text, text, (base, own, theirs) => {
        const pieces = mergeTexts({ base, mine: own, theirs });
        const whole = (side: 'base' | 'mine' | 'theirs'): string => pieces.flatMap((piece) => piece[side]).join('');
        expect({ base: whole('base'), mine: whole('mine'), theirs: whole('theirs') }).toEqual({
          base,
          mine: own,
          theirs,
        });
        const mirrored = mergeTexts({ base, mine: theirs, theirs: own });
        expect(conflictsIn(mirrored)).toBe(conflictsIn(pieces));
      }),
    );
  });

  toolTest('diff3', 'is what diff3 makes of it, for texts of lines that all differ', () => {
    using work = temporaryDirectory();
    const edits = fc.array(fc.record({ at: fc.nat(30), drop: fc.nat(3), add: fc.nat(3) }), { maxLength: 4 });
    const apply = (list: readonly { at: number; drop: number; add: number }[], mark: string): string => {
      const lines = Array.from({ length: 30 }, (_, i) => `line ${i}\n`);
      for (const [n, { at, drop, add }] of list.entries())
        lines.splice(at, drop, ...Array.from({ length: add }, (_, i) => `${mark} ${n}.${i}\n`));
      return lines.join('');
    };
    const base = apply([], '');
    fc.assert(
      fc.property(edits, edits, (own, other) => {
        const texts = { base, mine: apply(own, 'mine'), theirs: apply(other, 'theirs') };
        for (const [name, content] of Object.entries(texts)) writeFileSync(work.at(name), content);
        const { status, stdout } = spawnSync('diff3', ['-m', 'mine', 'base', 'theirs'], {
          cwd: work.path,
          encoding: 'utf8',
        });
        const pieces = mergeTexts(texts);
        expect(conflictsIn(pieces) > 0).toBe(status === 1);
        if (status === 0) expect(mergedText(pieces, () => 'conflict')).toBe(stdout);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a merge of two texts', () => {
  test('leaves every difference to decide', () => {
    const pieces = mergeTexts({ base: undefined, mine: 'a\nb\nc\n', theirs: 'a\nB\nc\nd\n' });
    expect(pieces.map(({ kind }) => kind)).toEqual(['same', 'conflict', 'same', 'conflict']);
    expect(mergedText(pieces, ({ theirs }) => theirs)).toBe('a\nB\nc\nd\n');
  });

  test('of long texts that have nothing in common ends, as one difference from end to end', () => {
    const lines = (mark: string): string => Array.from({ length: 50_000 }, (_, i) => `${mark}${i}\n`).join('');
    const pieces = mergeTexts({ base: undefined, mine: lines('m'), theirs: lines('t') });
    expect(pieces.map(({ kind, mine: own, theirs }) => [kind, own.length, theirs.length])).toEqual([
      ['conflict', 50_000, 50_000],
    ]);
  });
});

test('marks of a conflict stand on lines of their own, and are found again', () => {
  const [conflict] = mergeTexts({ base: 'a', mine: 'b', theirs: 'c' });
  const marked = markedConflict(conflict as NonNullable<typeof conflict>, true);
  expect(marked).toBe('<<<<<<< the file\nb\n||||||| as it was shipped before\na\n=======\nc\n>>>>>>> the update\n');
  expect([hasMarks(marked), hasMarks('<<<<<<< HEAD\n'), hasMarks('a\n=======\n')]).toEqual([true, false, false]);
});
