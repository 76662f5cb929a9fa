import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { expect, test } from '@jest/globals';
import { linuxPort } from '../../src/fs/linux.ts';
import { probeSite, Workbench } from '../../src/index.ts';
import { probeNames } from '../../src/sweep.ts';
import { NEIGHBOUR, open } from './meddling.ts';

/** As a killed probe left it. */
function leave(dir: string, name: string, ...files: readonly string[]): void {
  mkdirSync(`${dir}/${name}`, { mode: 0o700 });
  for (const file of files) writeFileSync(`${dir}/${name}/${file}`, '');
}

test('what a killed probe left is gone after the next', () => {
  using work = temporaryDirectory();
  const [source, target] = [work.make('source'), work.make('target')];
  leave(source, probeNames('facts').source, 'link', 'rename');
  leave(target, probeNames('facts').target);
  leave(target, probeNames('leaks').target);
  leave(target, probeNames('leaks').target, 'program', 'library');
  probeSite(source, target);
  expect([readdirSync(source), readdirSync(target)]).toEqual([[], []]);
});

test('what a running probe works in stays', () => {
  using work = temporaryDirectory();
  const dir = work.make('dir');
  const fs = linuxPort();
  using parent = open(dir, fs);
  const names = probeNames('facts');
  using bench = new Workbench(parent.dir, parent.dir, names, fs, () => {});
  expect([bench.source, bench.target].length).toBe(2);
  probeSite(dir, dir);
  expect(readdirSync(dir).sort()).toEqual([names.source, names.target].sort());
  expect(bench.isGone).toBe(false);
});

rootTest('what looks like it and may be somebody’s stays', () => {
  using work = temporaryDirectory();
  const dir = work.make('dir');
  chmodSync(dir, 0o777);
  const theirs = probeNames('facts').source;
  leave(dir, theirs, 'link');
  chownSync(`${dir}/${theirs}`, NEIGHBOUR, NEIGHBOUR);
  leave(dir, probeNames('facts').source, 'link', 'thesis');
  leave(dir, probeNames('leaks').source, 'program');
  leave(dir, '.emplace-probe-mine-s', 'link');
  const before = readdirSync(dir, { recursive: true }).sort();
  probeSite(dir, dir);
  expect(readdirSync(dir, { recursive: true }).sort()).toEqual(before);
});
