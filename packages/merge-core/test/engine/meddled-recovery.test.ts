/** What others change between the kill of a merge and its recovery, wherever the kill came: theirs stays, and recovery comes to its end. */
import { thrown } from '@emplace/fixtures';
import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import {
  MergeError,
  type MergeOptions,
  mergeSync,
  type RecoverReport,
  recoverSync,
  type Strategy,
} from '../../src/index.ts';
import { copy } from '../../src/strategy/copy.ts';
import { build, type Entry, IMAGE, picture, ROOT, world } from './world.ts';

const options = { image: '/image', root: '/root' } as const;
const a = (content: string): Entry => ({ path: 'a', content });

function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}

interface Recovered {
  /** Where the merge was stopped. */
  readonly calls: number;
  readonly fs: MemoryPort;
  readonly rollback: boolean;
  /** Of the recovery; undefined where it was too late to roll back. */
  readonly report: RecoverReport | undefined;
}

/** The merge stopped at each of its calls, then what others do, then recovery, either way. */
function* recoveries(
  pristine: MemoryPort,
  asked: Partial<MergeOptions>,
  act: (fs: MemoryPort) => void,
  ways: readonly boolean[] = [false, true],
): Generator<Recovered> {
  const counted = countCalls(pristine.clone() as FsPort);
  mergeSync({ ...options, ...asked, fs: counted });
  for (let calls = 1; calls <= counted.calls; calls++) {
    for (const rollback of ways) {
      const fs = pristine.clone();
      try {
        mergeSync({ ...options, ...asked, fs: stopAfter(fs, calls) });
      } catch (error) {
        if (!wasStopped(error)) throw error;
      }
      fs.crash();
      act(fs);
      let report: RecoverReport | undefined;
      try {
        report = recoverSync({ root: '/root', rollback, fs });
      } catch (error) {
        if (!(error instanceof MergeError) || error.code !== 'ROLLBACK_TOO_LATE') throw error;
      }
      yield { calls, fs, rollback, report };
    }
  }
}

function within(fs: MemoryPort, top: Bytes, act: (dir: DirHandle) => void): void {
  const dir = fs.openRoot(top);
  act(dir);
  fs.closeDir(dir);
}

const has = (fs: MemoryPort, top: Bytes, name: string): boolean =>
  picture(fs, top, false).some((line) => line.startsWith(`${name} `));
const contentOf = (fs: MemoryPort, top: Bytes, name: string): string | undefined =>
  picture(fs, top, false)
    .find((line) => line.startsWith(`${name} `))
    ?.match(/"(.*)"/)?.[1];
const ofOurs = (fs: MemoryPort): string[] => picture(fs, ROOT, false).filter((line) => line.includes('.emplace'));

/** A file of somebody's under a name, by rename. */
function put(fs: MemoryPort, top: Bytes, name: string): void {
  build(fs, top, [{ path: 'mine', content: 'mine' }]);
  within(fs, top, (dir) => fs.rename(dir, ascii('mine'), dir, ascii(name)));
}

describe('between a kill at any call and its recovery', () => {
  test.each([
    ['owner', { uid: 1001, gid: 1000, mode: 0o755 }],
    ['group', { uid: 1000, gid: 1001, mode: 0o755 }],
    ['mode', { uid: 1000, gid: 1000, mode: 0o700 }],
  ])(
    'a directory of another %s in the place of one which is to get the image’s attributes keeps its own',
    (_, keys) => {
      const user = { type: 'directory', uid: 1000, gid: 1000 } as const;
      const pristine = world(
        [
          { path: 'd', mode: 0o755, ...user },
          { path: 'keys', type: 'directory', ...keys },
        ],
        [{ path: 'd', mode: 0o750, ...user }],
      );
      const owned = (fs: MemoryPort): string => picture(fs, ROOT, false).find((line) => line.startsWith('d ')) ?? '';
      const swap = (fs: MemoryPort): void =>
        within(fs, ROOT, (root) => fs.exchange(root, ascii('d'), root, ascii('keys')));
      let told = 0;
      for (const { calls, fs, report } of recoveries(pristine, { directories: 'image' }, swap)) {
        const { uid, gid, mode } = keys;
        expect({ calls, line: owned(fs) }).toEqual({ calls, line: `d directory ${mode.toString(8)} ${uid}:${gid} ` });
        told += report?.warnings.filter(({ code }) => code === 'LEFT_BEHIND').length ?? 0;
      }
      expect(told).toBeGreaterThan(0);
    },
  );

  test.each(['copy', 'hardlink'])(
    'a file that somebody put into the image in the place of another stays there, after a merge by %s',
    (strategy) => {
      let replaced = false;
      const replace = (fs: MemoryPort): void => {
        replaced = has(fs, IMAGE, 'a');
        if (replaced) put(fs, IMAGE, 'a');
      };
      for (const { calls, fs } of recoveries(world([a('old')], [a('new')]), { strategy }, replace))
        expect({ calls, image: contentOf(fs, IMAGE, 'a') }).toEqual({ calls, image: replaced ? 'mine' : undefined });
    },
  );

  test.each(['rename', 'copy'])('a new name that somebody took since stays theirs, after a merge by %s', (strategy) => {
    let taken = 0;
    const take = (fs: MemoryPort): void => {
      if (!has(fs, ROOT, 'b')) put(fs, ROOT, 'b');
    };
    const fresh = [a('new'), { path: 'b', content: 'new' }];
    for (const { calls, fs, report } of recoveries(world([a('old')], fresh), { strategy }, take)) {
      if (report === undefined) continue;
      expect({ calls, left: ofOurs(fs) }).toEqual({ calls, left: [] });
      const isNew = contentOf(fs, ROOT, 'a') === 'new';
      if (contentOf(fs, ROOT, 'b') !== 'mine') continue;
      taken++;
      if (isNew) expect({ calls, warned: report.warnings.map(({ path }) => path) }).toEqual({ calls, warned: ['b'] });
    }
    expect(taken).toBeGreaterThan(0);
  });

  test('both entries are gone and no undo was kept: INCOMPLETE says so, and the journal stays', () => {
    let now: MemoryPort | undefined;
    const lose = (fs: MemoryPort): void => {
      now = fs;
      within(fs, ROOT, (root) => {
        for (const { name } of fs.list(root)) if (/^(a|\.a\.emplace-.*)$/.test(name)) fs.unlink(root, name);
      });
    };
    const asked = { strategy: 'copy', undo: 'none', hardlink: false } as const;
    const dead = thrown(MergeError, () => [...recoveries(world([a('old')], [a('new')]), asked, lose, [false])]);
    expect(dead).toMatchObject({
      code: 'INCOMPLETE',
      outcome: 'incomplete',
      message: expect.stringContaining('`a` can be neither completed nor undone'),
    });
    expect(now !== undefined && has(now, ROOT, '.emplace/journal')).toBe(true);
  });

  test.each([{ strategy: 'rename' }, { strategy: 'copy' }])(
    'a directory that was moved meanwhile is left to whom it belongs, and the rest is recovered ($strategy)',
    (asked) => {
      const inside = (content: string): Entry[] => [
        { path: 'd', type: 'directory' },
        { path: 'd/a', content, mode: 0o755 },
        { path: 'd/turned', ...(content === 'old' ? { type: 'directory' } : { content }) },
        { path: 'b', content },
      ];
      const move = (fs: MemoryPort): void =>
        within(fs, ROOT, (root) => fs.rename(root, ascii('d'), root, ascii('moved')));
      const outcomes = new Set<string>();
      for (const { calls, fs, rollback, report } of recoveries(
        world(inside('old'), inside('new')),
        { ...asked, replaceTypes: true, directories: 'image' },
        move,
      )) {
        if (report === undefined) continue;
        expect({ calls, rollback, left: ofOurs(fs).filter((line) => !line.startsWith('moved/')) }).toEqual({
          calls,
          rollback,
          left: [],
        });
        expect({ calls, handles: fs.openHandles() }).toEqual({ calls, handles: 0 });
        expect(['old', 'new']).toContain(contentOf(fs, ROOT, 'b'));
        outcomes.add(report.outcome);
      }
      expect([...outcomes]).toEqual(expect.arrayContaining(['rolled-back']));
    },
  );

  const strategies: readonly Strategy[] = [{ ...copy, name: 'of-others' }];
  test.each([
    ['copy', { strategy: 'copy' }],
    ['a strategy of others', { strategy: 'of-others', strategies }],
  ])(
    'a user’s hard link to a new setuid program by %s is of no use once a rollback took that away (G6)',
    (_, asked) => {
      const su = (content: string): Entry => ({ path: 'su', content, mode: 0o4755 });
      const keep = (fs: MemoryPort): void => {
        if (contentOf(fs, ROOT, 'su') === 'new')
          within(fs, ROOT, (root) => fs.link(root, ascii('su'), root, ascii('kept')));
      };
      let kept = 0;
      for (const { calls, fs, report } of recoveries(world([su('old')], [su('new')]), asked, keep)) {
        if (report?.outcome !== 'rolled-back' || !has(fs, ROOT, 'kept')) continue;
        kept++;
        const setuid = picture(fs, ROOT, false).filter((line) => line.includes(' 4755 '));
        expect({ calls, setuid }).toEqual({ calls, setuid: [expect.stringContaining('"old"')] });
      }
      expect(kept).toBeGreaterThan(0);
    },
  );
});
