import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { expect, test } from '@jest/globals';
import { differTrivially } from '../../src/config-updates/lines.ts';
import { unifiedDiff } from '../../src/config-updates/unified.ts';

test.each([
  ['a # comment', 'a=1\n# old\n', 'a=1\n# new\n#more\n', true],
  ['blank lines and blanks', 'a = 1\nb\n', '\na  =\t1  \n\nb\n', true],
  ['the newline at the end', 'a\n', 'a', true],
  ['a carriage return', 'a\r\n', 'a\n', true],
  ['a value', 'a=1\n', 'a=2\n', false],
  ['a comment that becomes a setting', '#a=1\n', 'a=1\n', false],
  ['a comment behind a value', 'a=1 # x\n', 'a=1 # y\n', false],
  ['an indentation', 'a:\n  b: 1\n', 'a:\n    b: 1\n', false],
  ['no blank at all', 'a b\n', 'ab\n', false],
  ['an #include', '#include "x"\n', '#include "y"\n', false],
  ['a sudoers #includedir', '#includedir /etc/sudoers.d\n', '', false],
  ['an interpreter', '#!/bin/sh\n', '#!/bin/bash\n', false],
])('%s', (_what, a, b, trivial) => {
  expect([differTrivially(a, b), differTrivially(b, a)]).toEqual([trivial, trivial]);
});

toolTest('patch', 'what is shown is a diff that patch(1) applies', () => {
  using work = temporaryDirectory();
  const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
  const cases: readonly [string, string][] = [
    [
      `${lines.join('\n')}\n`,
      `${lines.with(3, 'three').toSpliced(20, 2).toSpliced(35, 0, 'new', 'newer').join('\n')}\n`,
    ],
    ['', 'a\nb\n'],
    ['a\nb\n', ''],
    ['a\nb', 'a\nb\n'],
    ['a\nb\n', 'a\nc'],
    ['only\n', 'other\n'],
  ];
  for (const [before, after] of cases) {
    const diff = unifiedDiff(before, after).flatMap(({ range, lines: shown }) => [`@@ ${range} @@`, ...shown]);
    writeFileSync(work.at('file'), before);
    const input = `--- file\n+++ file\n${diff.join('\n')}\n`;
    const { status } = spawnSync('patch', ['-s', '-o', 'out', 'file'], { cwd: work.path, input });
    const { stdout } = spawnSync('cat', ['out'], { cwd: work.path, encoding: 'utf8' });
    expect({ input, status, stdout }).toEqual({ input, status: 0, stdout: after });
  }
});
