import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, realpathSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { ascii, type Bytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { scriptOf } from '../../src/stale/scripts.ts';
import { startWaiting } from '../processes/children.ts';
import { aged, classes, findings } from './zoo.ts';

/** Each answers a line and waits for the end of its input. */
const SCRIPTS: Readonly<Record<string, string>> = {
  '/usr/bin/python3': 'import sys\nfor line in sys.stdin: print(line, flush=True)\n',
  '/usr/bin/perl': '$| = 1; while (<STDIN>) { print }\n',
  '/usr/bin/ruby': 'STDOUT.sync = true; while (line = STDIN.gets); puts line; end\n',
  '/bin/sh': 'while read line; do echo $line; done\n',
  '/bin/bash': 'while read line; do echo $line; done\n',
  [process.execPath]: 'process.stdin.pipe(process.stdout)\n',
};

function write(place: TemporaryDirectory, name: string, text: string): void {
  writeFileSync(place.at(name), text);
  // As old as what a package brings.
  utimesSync(place.at(name), 1e9, 1e9);
}

describe.each(Object.entries(SCRIPTS))('%s', (interpreter, text) => {
  testWith(
    { root: true, tools: [interpreter] },
    'runs a script that is found when it is replaced, and only then',
    async () => {
      using place = temporaryDirectory();
      for (const name of ['script', 'new', 'other']) write(place, name, text);
      await using program = await startWaiting(interpreter, [place.at('script'), place.at('other')]);
      await using relative = await startWaiting(interpreter, ['./script'], { cwd: place.path });
      await aged();
      renameSync(place.at('new'), place.at('other'));
      for (const one of [program, relative]) expect(classes(one)).toEqual([]);
      write(place, 'new', text);
      renameSync(place.at('new'), place.at('script'));
      for (const one of [program, relative]) {
        expect(findings(one)).toMatchObject([{ class: 'changed-script', held: 'script', path: place.at('script') }]);
      }
      await using startedAfterwards = await startWaiting(interpreter, [place.at('script')]);
      expect(classes(startedAfterwards)).toEqual([]);
    },
  );
});

rootTest('a shell proves by the script that it has open that another one lies there', async () => {
  using place = temporaryDirectory();
  for (const name of ['script', 'new']) write(place, name, 'while read line; do echo $line; done\n');
  await using program = await startWaiting('/bin/sh', [place.at('script')]);
  renameSync(place.at('new'), place.at('script'));
  expect(findings(program)).toMatchObject([{ class: 'changed-script', confidence: 'high' }]);
});

rootTest('a script that gets another hard link has not changed', async () => {
  using place = temporaryDirectory();
  write(place, 'script', 'process.stdin.pipe(process.stdout)\n');
  await using program = await startWaiting(process.execPath, [place.at('script')]);
  await aged();
  linkSync(place.at('script'), place.at('second'));
  expect(classes(program)).toEqual([]);
});

rootTest('what runs a script by its first line is not taken for a program that was moved aside', async () => {
  using place = temporaryDirectory();
  const perl = realpathSync(execFileSync('sh', ['-c', 'command -v perl'], { encoding: 'utf8' }).trim());
  copyFileSync(perl, place.at('runner'));
  writeFileSync(place.at('tool'), `#!${place.at('runner')}\n$| = 1; while (<STDIN>) { print }\n`, { mode: 0o755 });
  await using program = await startWaiting(place.at('tool'));
  await aged();
  renameSync(place.at('runner'), place.at('kept'));
  expect(classes(program)).toEqual([]);
});

test('a script is what an interpreter takes for one', () => {
  const scriptIn = (line: string): string | undefined => {
    const [program = '', ...rest] = line.split(' ');
    return scriptOf(program, [program, ...rest].map(ascii))?.argument;
  };
  const lines: Readonly<Record<string, string | undefined>> = {
    'python3.11 -u -W ignore /a/b.py x': '/a/b.py',
    'python3 -m http.server': undefined,
    'python3 -c pass x': undefined,
    'python3 -': undefined,
    python3: undefined,
    'perl -w -I /lib tool.pl': 'tool.pl',
    'perl -ne print file': undefined,
    'ruby -I lib -r json tool': 'tool',
    'node --conditions=x --import y -r z main.js': 'main.js',
    'node -e 1 x': undefined,
    'bash --norc -o pipefail run.sh -c x': 'run.sh',
    'bash -lc run': undefined,
    'bash --noprofile --norc -euo pipefail run.sh': 'run.sh',
    'sh -ex +o posix run.sh': 'run.sh',
    'python3 -Ximporttime -bWerror tool.py': 'tool.py',
    'python3 -Bm http.server': undefined,
    'perl -MFile::Temp -Ilib/some -w tool.pl': 'tool.pl',
    'perl -i.bake -pe s/a/b/ file': undefined,
    'perl -le print file': undefined,
    'ruby -ne print file': undefined,
    'ruby -Ilibexec -rerb -w tool': 'tool',
    'sh -- -odd': '-odd',
    'busybox sh run.sh': 'run.sh',
    'busybox ash -x run.sh': 'run.sh',
    'busybox tail -f /var/log/messages': undefined,
    'busybox httpd /srv': undefined,
    'sh /proc/self/fd/3': undefined,
    'cat /etc/passwd': undefined,
  };
  expect(Object.fromEntries(Object.keys(lines).map((line) => [line, scriptIn(line)]))).toEqual(lines);
  const names: readonly Bytes[] | undefined = scriptOf('node', [ascii('node'), ascii('app')])?.names;
  expect(names).toEqual(['app', 'app.js', 'app.cjs', 'app/index.js']);
});
