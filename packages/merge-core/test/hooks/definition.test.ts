import { ascii, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { DefinitionError, parseDefinition } from '../../src/hooks/definition.ts';
import { splitWords } from '../../src/hooks/words.ts';
import { commandHook } from '../../src/index.ts';

const FONTS = `
# Of another package manager
[Trigger]
Type = Path
Operation = Install
Operation = Upgrade
Target = usr/share/fonts/*
Target = !usr/share/fonts/*.txt

[Trigger]
Operation=Remove
Type=Path
Target=usr/share/fonts/*

[Action]
Description = Updating the cache of fonts
When = PostTransaction
Exec = /usr/bin/fc-cache -s "with blank" 'and \\ this' \\"
NeedsTargets
`;

function parse(text: string): ReturnType<typeof parseDefinition> {
  return parseDefinition(toBytes(text), ascii('fonts'));
}

test('a definition in the style of alpm-hooks is read', () => {
  expect(parse(FONTS)).toEqual({
    name: 'fonts',
    phase: 'post-clean',
    run: { argv: ['/usr/bin/fc-cache', '-s', 'with blank', 'and \\ this', '"'] },
    triggers: [
      { operations: ['install', 'upgrade'], targets: ['usr/share/fonts/*', '!usr/share/fonts/*.txt'] },
      { operations: ['remove'], targets: ['usr/share/fonts/*'] },
    ],
    needsTargets: true,
    abortOnFail: false,
    timeoutMs: 900_000,
  });
});

const ACTION = '[Action]\nWhen = PreTransaction\nExec = /bin/true\n';
const TRIGGER = '[Trigger]\nType = Path\nOperation = Install\nTarget = a\n';

test('PreTransaction is the last moment before the commit point; our own phases have their own names', () => {
  expect(parse(`${ACTION}AbortOnFail`)).toMatchObject({ phase: 'pre-commit', abortOnFail: true });
  expect(parse(ACTION)).toEqual(expect.not.objectContaining({ triggers: expect.anything() }));
  for (const phase of ['pre-stage', 'pre-commit', 'post-commit', 'post-clean'])
    expect(parse(`[Action]\r\nWhen=${phase}\r\nExec=/x\r\n`).phase).toBe(phase);
});

/** What is wrong, and in which line. */
const WRONG: readonly (readonly [text: string, line: number, says: string])[] = [
  ['', 0, 'no [Action]'],
  ['Exec = /bin/true', 1, 'before any section'],
  [`${ACTION}${ACTION}`, 4, 'second [Action]'],
  ['[Actoin]', 1, 'no section `Actoin`'],
  ['[constructor]', 1, 'no section'],
  ['[Action]\nWhen = PreTransaction', 1, 'has no `Exec`'],
  ['[Action]\nExec = /x', 1, 'has no `When`'],
  ['[Action]\nExec = /x\nWhen = Sometime', 3, '`When` is one of'],
  ['[Action]\nExec = /x\nWhen = toString', 3, '`When` is one of'],
  ['[Action]\nExec = /x\nWhen = pre-stage\n\nWhen = pre-stage', 5, 'given twice'],
  ['[Action]\nWhen = pre-stage\nExec = ldconfig', 3, 'absolute path'],
  ['[Action]\nWhen = pre-stage\nExec = /x "', 3, 'left open'],
  ['[Action]\nWhen = pre-stage\nExec =', 3, 'empty'],
  ['[Action]\nWhen = pre-stage\nExec', 3, 'needs a value'],
  [`${ACTION}NeedsTargets = yes`, 4, 'takes no value'],
  [`${ACTION}Depends = sh`, 4, 'no `Depends`'],
  [`${ACTION}__proto__ = x`, 4, 'no `__proto__`'],
  [`${ACTION}\x1b[31m`, 4, 'no `\\x1b[31m`'],
  ['[Action]\nWhen = PostTransaction\nExec = /x\nAbortOnFail', 4, 'nothing can be aborted'],
  [`${TRIGGER}Type = Path\n${ACTION}`, 5, 'given twice'],
  ['[Trigger]\nType = Package\n', 2, '`Path`'],
  ['[Trigger]\nType = Path\nTarget = a\n', 1, 'has no `Operation`'],
  ['[Trigger]\nType = Path\nOperation = Install\n', 1, 'has no `Target`'],
  ['[Trigger]\nType = Path\nTarget = a\nOperation = Change\n', 4, '`Operation` is one of'],
  ['[Trigger]\nType = Path\nOperation = Install\nTarget = /usr/*\n', 4, 'without a leading slash'],
  ['[Trigger]\nType = Path\nOperation = Install\nTarget = !/usr/*\n', 4, 'without a leading slash'],
  [`[Trigger]\nType = Path\nOperation = Install\nTarget = ${'*a'.repeat(3000)}\n`, 4, 'longer than any path'],
  [`${ACTION}# a NUL: \0`, 4, 'NUL'],
];

test.each(WRONG)('a definition that means nothing is refused by its line: %j', (text, line, says) => {
  const whole = text.includes('[Trigger]') && !text.includes('[Action]') ? `${text}${ACTION}` : text;
  let error: unknown;
  try {
    parse(whole);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(DefinitionError);
  expect(error).toMatchObject({ line, message: expect.stringContaining(says) });
});

describe('words', () => {
  test.each([
    ['/a  b\tc ', ['/a', 'b', 'c']],
    [`a"b c"d'e f'g`, ['ab cde fg']],
    [`"a\\"b" 'a\\b' a\\ b`, ['a"b', 'a\\b', 'a b']],
    [`"" ''`, ['', '']],
    ['$HOME * ~ `x` ;', ['$HOME', '*', '~', '`x`', ';']],
    ['\\\n', ['\n']],
    ['', []],
  ])('%j are split as they are written', (text, words) => {
    expect(splitWords(ascii(text))).toEqual(words);
  });

  test.each(['"a', "a'", 'a\\', '"a\\"'])('%j is left open', (text) => {
    expect(splitWords(ascii(text))).toBeUndefined();
  });
});

describe('a hook of the command line', () => {
  test('is a command for a shell in a phase', () => {
    expect(commandHook('post-commit=a=1; ldconfig "$a"')).toMatchObject({
      phase: 'post-commit',
      run: { command: 'a=1; ldconfig "$a"' },
      needsTargets: true,
      abortOnFail: true,
    });
    expect(commandHook('pre-stage=grüße').run).toEqual({ command: toBytes('grüße') });
  });

  test.each([
    'ldconfig',
    'post=ldconfig',
    '=ldconfig',
    'post-commit',
    'post-commit=',
    'post-commit= ',
    'pre-stage=a\0b',
  ])('%j is refused', (option) => {
    expect(() => commandHook(option)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});
