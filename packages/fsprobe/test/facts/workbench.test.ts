import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { ascii, SyscallError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { isBenchName } from '../../src/facts/bench-names.ts';
import { measured } from '../../src/facts/fact.ts';
import { execAllowed, unnamedFile } from '../../src/facts/linux-only.ts';
import { linuxPort } from '../../src/fs/linux.ts';
import { askSite, type FsPort, factNames, Workbench } from '../../src/index.ts';
import { meddling, NEIGHBOUR, open, swapOnce } from './meddling.ts';

const NAMES = { source: ascii('bench-s'), target: ascii('bench-t') };

interface Asked {
  readonly answers: Readonly<Record<string, string>>;
  readonly exec: { readonly answer: string; readonly why?: string };
  readonly left: readonly string[];
}

/** Every question of two directories, the bench then removed. */
function askAll(source: string, target: string, fs: FsPort, before: () => void = () => {}): Asked {
  using from = open(source, fs);
  using to = open(target, fs);
  const left: string[] = [];
  const ask = (): Omit<Asked, 'left'> => {
    using bench = new Workbench(from.dir, to.dir, NAMES, fs, (side, name, why) => left.push(`${side} ${name} ${why}`));
    const answers = Object.fromEntries(factNames.map((name) => [name, askSite(name, bench).answer]));
    const exec = measured(bench, () => execAllowed(bench));
    before();
    return { answers, exec };
  };
  return { ...ask(), left };
}

test('every question leaves names that are known, and all of them are removed', () => {
  using work = temporaryDirectory();
  const [source, target] = [work.make('source'), work.make('target')];
  const fs = linuxPort();
  using from = open(source, fs);
  using to = open(target, fs);
  const times = [source, target].map((path) => statSync(path, { bigint: true }).mtimeNs);
  const left: string[] = [];
  {
    using bench = new Workbench(from.dir, to.dir, NAMES, fs, (...what) => left.push(what.join(' ')));
    for (const name of factNames) askSite(name, bench);
    measured(bench, () => unnamedFile(bench));
    measured(bench, () => execAllowed(bench));
    const made = [work.at('source/bench-s'), work.at('target/bench-t')].flatMap((path) => readdirSync(path, 'latin1'));
    expect(made.length).toBeGreaterThan(factNames.length);
    expect(made.filter((name) => !isBenchName(ascii(name)))).toEqual([]);
  }
  expect(left).toEqual([]);
  expect([source, target].map((path) => readdirSync(path))).toEqual([[], []]);
  expect([source, target].map((path) => statSync(path, { bigint: true }).mtimeNs)).toEqual(times);
});

describe('in a directory that a neighbour may write to', () => {
  rootTest('nothing is done in a directory that he put in the place of ours', () => {
    using work = temporaryDirectory();
    const [source, target] = [work.make('source'), work.make('target')];
    chmodSync(target, 0o777);
    const { answers, exec, left } = askAll(source, target, meddling(swapOnce(target)));
    expect(new Set(Object.values(answers))).toEqual(new Set(['not-measured']));
    expect(exec).toMatchObject({ answer: 'not-measured', why: expect.stringContaining(`another user (${NEIGHBOUR})`) });
    expect(readdirSync(work.at('target/bench-t'))).toEqual(['precious']);
    // What nobody could measure in is not looked for either.
    expect(left).toEqual([]);
    expect(readdirSync(source)).toEqual([]);
  });

  rootTest('a directory of ours with files in it is not taken for the one that was made', () => {
    using work = temporaryDirectory();
    const [source, target] = [work.make('source'), work.make('target')];
    chmodSync(target, 0o777);
    const fs = meddling((name) => {
      if (name !== 'bench-t') return;
      mkdirSync(work.at('backup'), { mode: 0o700 });
      writeFileSync(work.at('backup/owner'), 'precious');
      renameSync(work.at('target/bench-t'), work.at('moved-away'));
      renameSync(work.at('backup'), work.at('target/bench-t'));
    });
    const { answers } = askAll(source, target, fs);
    expect(answers.mode).toBe('not-measured');
    expect(readdirSync(work.at('target/bench-t'))).toEqual(['owner']);
  });

  rootTest('facts are measured, and no program is run', () => {
    using work = temporaryDirectory();
    const [source, target] = [work.make('source'), work.make('target')];
    const mayBeSwapped = 'others may rename what lies beside it';
    const cases = [
      { uid: 0, mode: 0o777, exec: { answer: 'not-measured', why: mayBeSwapped } },
      { uid: 0, mode: 0o775, exec: { answer: 'not-measured', why: mayBeSwapped } },
      { uid: NEIGHBOUR, mode: 0o755, exec: { answer: 'not-measured', why: expect.stringContaining('another user') } },
      { uid: NEIGHBOUR, mode: 0o1777, exec: { answer: 'not-measured', why: expect.stringContaining('another user') } },
      { uid: 0, mode: 0o1777, exec: { answer: 'yes' } },
      { uid: 0, mode: 0o755, exec: { answer: 'yes' } },
    ];
    for (const { uid, mode, exec } of cases) {
      chownSync(target, uid, uid);
      chmodSync(target, mode);
      const asked = askAll(source, target, linuxPort());
      expect({ uid, mode, exec: asked.exec, fifo: asked.answers.fifo }).toEqual({ uid, mode, exec, fifo: 'yes' });
      expect(readdirSync(target)).toEqual([]);
    }
  });

  rootTest('what has our name in the end stays when it is not ours, and is told', () => {
    using work = temporaryDirectory();
    const [source, target] = [work.make('source'), work.make('target')];
    chmodSync(target, 0o777);
    const { answers, left } = askAll(source, target, linuxPort(), () => swapOnce(target)('bench-t'));
    expect(answers.mode).toBe('yes');
    expect(left).toEqual(['target bench-t was put in the place of a directory that was made there']);
    expect(readdirSync(work.at('target/bench-t'))).toEqual(['precious']);
    // It was emptied, wherever it is.
    expect(readdirSync(work.at('target/moved-away'))).toEqual([]);
  });
});

test('a directory that is gone as soon as it is made is measured in by nobody', () => {
  using work = temporaryDirectory();
  const [source, target] = [work.make('source'), work.make('target')];
  const fs = meddling((name) => name === 'bench-t' && rmdirSync(work.at(`target/${name}`)));
  const { answers, exec, left } = askAll(source, target, fs);
  expect(new Set(Object.values(answers))).toEqual(new Set(['not-measured']));
  expect(exec).toEqual({ answer: 'not-measured', why: 'openat2 gave ENOENT' });
  expect([left, readdirSync(source), readdirSync(target)]).toEqual([[], [], []]);
});

test('what somebody put into the bench stays, and is told', () => {
  using work = temporaryDirectory();
  const [source, target] = [work.make('source'), work.make('target')];
  const { left } = askAll(source, target, linuxPort(), () => {
    mkdirSync(work.at('target/bench-t/rename-directory/deep'), { recursive: true });
    writeFileSync(work.at('target/bench-t/rename-directory/deep/file'), '');
  });
  expect(left).toEqual(['target bench-t holds something that was not made there']);
  expect(readdirSync(work.at('target/bench-t'), { recursive: true })).toEqual([
    'rename-directory',
    'rename-directory/deep',
    'rename-directory/deep/file',
  ]);
});

test('a failure in the middle leaves nothing', () => {
  using work = temporaryDirectory();
  const [source, target] = [work.make('source'), work.make('target')];
  const fail = (): void => {
    throw new SyscallError('EIO', 'openat');
  };
  expect(() => askAll(source, target, linuxPort(), fail)).toThrow('EIO');
  const noList = Object.assign(Object.create(linuxPort()) as FsPort, { list: fail });
  expect(askAll(source, target, noList).exec).toEqual({ answer: 'not-measured', why: 'openat gave EIO' });
  expect([readdirSync(source), readdirSync(target)]).toEqual([[], []]);
});

test('a program that was planted under the name is not run', () => {
  using work = temporaryDirectory();
  const dir = work.make('dir');
  const fs = linuxPort();
  const openFile: FsPort['openFile'] = (at, name) => {
    renameSync(work.at('dir/bench-t/exec'), work.at('dir/bench-t/renamed'));
    writeFileSync(work.at('dir/bench-t/exec'), `#!/bin/sh\necho ran > ${work.at('ran')}\nexit 7\n`, { mode: 0o700 });
    return fs.openFile(at, name);
  };
  const { exec } = askAll(dir, dir, Object.assign(Object.create(fs) as FsPort, { openFile }));
  expect(exec).toMatchObject({ answer: 'not-measured', why: expect.stringContaining('another program') });
  expect(readdirSync(work.path)).toEqual(['dir']);
});
