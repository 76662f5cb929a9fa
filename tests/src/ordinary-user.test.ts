/** What an ordinary user may not do is refused before anything changes: asked of the real kernel, as another user. */
import { chmodSync, chownSync, lchownSync, lutimesSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  asUser,
  directory,
  file,
  otherMount,
  snapshotTree,
  type TemporaryDirectory,
  temporaryDirectory,
  thrown,
  USER,
  writeTree,
} from '@emplace/fixtures';
import { isRoot, rootTest } from '@emplace/fixtures/jest';
import { MergeError, type MergeOptions, mergeSync } from '@emplace/merge-core';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';

function refusal(options: MergeOptions): { code: string; exitCode: number; messages: string[] } {
  const { code, exitCode, problems } = asUser(() => thrown(MergeError, () => mergeSync(options)));
  return { code, exitCode, messages: problems.map(({ message }) => message) };
}

describe('an ordinary user', () => {
  let work: TemporaryDirectory;
  let elsewhere: TemporaryDirectory;

  beforeEach(() => {
    if (!isRoot) return;
    work = temporaryDirectory();
    elsewhere = otherMount();
    for (const { path } of [work, elsewhere]) for (const open of [path, dirname(path)]) chmodSync(open, 0o755);
    for (const path of [work.make('image'), work.make('root'), elsewhere.make('root')]) chownSync(path, USER, USER);
    writeTree(work.at('image'), [
      directory('d'),
      file('d/secret', 'secret'),
      file('open', 'open'),
      file('closed', 'closed'),
    ]);
    giveAway(work.at('image'), ['d', 'd/secret', 'open', 'closed']);
  });

  afterEach(() => {
    if (!isRoot) return;
    work[Symbol.dispose]();
    elsewhere[Symbol.dispose]();
  });

  function giveAway(top: string, paths: readonly string[]): void {
    for (const path of paths) lchownSync(`${top}/${path}`, USER, USER);
  }

  rootTest('cannot copy what it cannot read: every such file is named, those in new directories too', () => {
    for (const path of ['closed', 'd/secret']) {
      chownSync(work.at(`image/${path}`), 0, 0);
      chmodSync(work.at(`image/${path}`), 0o600);
    }
    const before = snapshotTree(work.at('root'));
    expect(refusal({ image: work.at('image'), root: work.at('root'), strategy: 'copy' })).toEqual({
      code: 'IMAGE_UNREADABLE',
      exitCode: 3,
      messages: ['`closed` in the image cannot be read (EACCES)', '`d/secret` in the image cannot be read (EACCES)'],
    });
    expect(snapshotTree(work.at('root'))).toEqual(before);
    expect(readdirSync(work.at('root'))).toEqual([]);
  });

  rootTest('cannot merge into a directory that it may not write: it is named once', () => {
    mkdirSync(work.at('root/d'));
    for (const strategy of ['copy', 'auto']) {
      expect(refusal({ image: work.at('image'), root: work.at('root'), strategy })).toEqual({
        code: 'PERMISSION',
        exitCode: 3,
        messages: ['`d` may not be written by this user (EACCES)'],
      });
    }
    expect(readdirSync(work.at('root'))).toEqual(['d']);
  });

  rootTest('cannot move anything out of a directory of the image that it may not write, nor such a directory', () => {
    chownSync(work.at('image/d'), 0, 0);
    expect(refusal({ image: work.at('image'), root: work.at('root') }).messages).toEqual([
      '`d` in the image may not be written by this user (EACCES)',
    ]);
    mkdirSync(work.at('root/d'));
    chownSync(work.at('root/d'), USER, USER);
    expect(refusal({ image: work.at('image'), root: work.at('root') }).messages).toEqual([
      '`d` in the image may not be written by this user (EACCES), so nothing can be moved out of it',
    ]);
  });

  rootTest('cannot replace what is another’s in a sticky directory, nor set the time of it', () => {
    writeTree(work.at('root'), [file('open', 'old'), file('closed', 'closed')]);
    chownSync(work.at('root'), 0, 0);
    chmodSync(work.at('root'), 0o1777);
    chownSync(work.at('image/closed'), 0, 0);
    lutimesSync(work.at('image/closed'), 5, 5);
    expect(refusal({ image: work.at('image'), root: work.at('root') }).messages.sort()).toEqual([
      '`closed` belongs to somebody else (EPERM)',
      '`open` belongs to somebody else, in a sticky directory (EPERM)',
    ]);
  });

  rootTest('cannot give entries to others: that is refused, or lost where it is accepted', () => {
    chownSync(work.at('image/open'), 0, 0);
    const options = { image: work.at('image'), root: elsewhere.at('root') };
    expect(refusal(options)).toEqual({
      code: 'CANNOT_CARRY',
      exitCode: 3,
      messages: ['`open` would lose its owner 0:0'],
    });
    expect(readdirSync(elsewhere.at('root'))).toEqual([]);
    const report = asUser(() => mergeSync({ ...options, lossy: ['owner'] }));
    expect(report.lost).toEqual([{ path: 'open', what: ['owner'] }]);
    expect(readdirSync(elsewhere.at('root')).sort()).toEqual(['closed', 'd', 'open']);
  });

  rootTest('merges what is its own, on one mount and across two', () => {
    symlinkSync('open', work.at('image/link'));
    giveAway(work.at('image'), ['link']);
    const options = { image: work.at('image'), keepImage: true, hardlink: false };
    asUser(() => mergeSync({ ...options, root: elsewhere.at('root') }));
    asUser(() => mergeSync({ image: work.at('image'), root: work.at('root') }));
    for (const top of [elsewhere, work])
      expect(readdirSync(top.at('root')).sort()).toEqual(['closed', 'd', 'link', 'open']);
  });
});
