import { stopAfter } from '@emplace/fixtures/faults';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeOptions, mergeSync, recoverSync } from '../../src/index.ts';
import { build, type Entry, IMAGE, picture, ROOT, world } from './world.ts';

const options = { image: '/image', root: '/root' } as const;

/** The content of a file of the root, or what else there is. */
function at(fs: MemoryPort, path: string): string | undefined {
  const line = picture(fs, ROOT, false).find((found) => found.startsWith(`${path} `));
  return line?.match(/"(.*)"/)?.[1] ?? line;
}

/** An administrator's edit by rename, as editors do it. */
function edit(fs: MemoryPort, path: string): void {
  build(fs, ROOT, [{ path: 'edited', content: 'mine' }]);
  const root = fs.openRoot(ROOT);
  const slash = path.lastIndexOf('/');
  const dir = fs.openDir(root, ascii(path.slice(0, Math.max(slash, 0))));
  fs.rename(root, ascii('edited'), dir, ascii(path.slice(slash + 1)));
  fs.closeDir(dir);
  fs.closeDir(root);
}

function remove(fs: MemoryPort, path: string): void {
  const root = fs.openRoot(ROOT);
  fs.unlink(root, ascii(path));
  fs.closeDir(root);
}

/** A merge that is stopped in its commit loop, after `placed` placements. */
function stopInCommit(fs: MemoryPort, asked: Partial<MergeOptions>, placed: number): void {
  let calls = 0;
  let committing = false;
  const total = fs.clone();
  const onEvent: MergeOptions['onEvent'] = (event) => {
    committing ||= event.type === 'phase' && event.phase === 'commit';
  };
  let wanted = 0;
  const counting = new Proxy(total, {
    get: (target, key) => {
      const value = Reflect.get(target, key) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key !== 'pathOf') calls++;
        if (committing && (key === 'rename' || key === 'exchange') && ++wanted === placed + 1) stopAt = calls;
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  let stopAt = 0;
  mergeSync({ ...options, ...asked, fs: counting, onEvent });
  try {
    mergeSync({ ...options, ...asked, fs: stopAfter(fs, stopAt) });
  } catch {
    // Stopped, as wanted: what matters is what it left.
  }
  fs.crash();
}

const old: readonly Entry[] = ['a', 'b', 'c'].map((path) => ({ path, content: 'old', mode: 0o755 }));
const fresh: readonly Entry[] = ['a', 'b', 'c'].map((path) => ({ path, content: 'new', mode: 0o755 }));

describe.each([
  ['rename', {}],
  ['copy', { strategy: 'copy' }],
  ['exchange', { strategy: 'double-rename', hardlink: false }],
] as [string, Partial<MergeOptions>][])('after a merge by %s was killed in the middle', (_name, asked) => {
  test('what an administrator put in place of a new entry stays, whichever way recovery goes', () => {
    for (const rollback of [false, true]) {
      const fs = world(old, fresh);
      stopInCommit(fs, asked, 2);
      expect([at(fs, 'a'), at(fs, 'c')]).toEqual(['new', 'old']);
      edit(fs, 'a');
      const report = recoverSync({ root: '/root', rollback, fs });
      expect(at(fs, 'a')).toBe('mine');
      expect([at(fs, 'b'), at(fs, 'c')]).toEqual(rollback ? ['old', 'old'] : ['new', 'new']);
      expect(report.warnings.map(({ code }) => code)).toContain('LEFT_BEHIND');
      expect(picture(fs, ROOT).filter((line) => line.includes('.emplace'))).toEqual([]);
    }
  });

  test('a new entry that somebody removed is no reason to lose the old one', () => {
    const fs = world(old, fresh);
    stopInCommit(fs, asked, 2);
    remove(fs, 'a');
    recoverSync({ root: '/root', fs });
    expect(['a', 'b', 'c'].map((path) => at(fs, path))).toEqual(['old', 'old', 'old']);
  });
});

describe('while a merge runs', () => {
  const directory: Entry = { path: 'd', type: 'directory' };
  const inside = (content: string): Entry => ({ path: 'd/a', content });
  const meddle = (fs: MemoryPort, phase: string, act: () => void): MergeError | undefined => {
    const onEvent: MergeOptions['onEvent'] = (event) => {
      if (event.type === 'phase' && event.phase === phase) act();
    };
    try {
      mergeSync({ ...options, fs, onEvent });
      return undefined;
    } catch (error) {
      if (error instanceof MergeError) return error;
      throw error;
    }
  };

  test('a file that appears under a name that was free is not overwritten: the merge rolls back', () => {
    const fs = world([directory, inside('old')], [directory, inside('new'), { path: 'd/b', content: 'new' }]);
    const error = meddle(fs, 'commit', () => edit(fs, 'd/b'));
    expect(error).toMatchObject({ code: 'COMMIT_FAILED', outcome: 'rolled-back' });
    expect([at(fs, 'd/a'), at(fs, 'd/b')]).toEqual(['old', 'mine']);
  });

  test('an empty directory that fills up is not removed with what is in it', () => {
    const fs = world([directory], [{ path: 'd', content: 'a file' }]);
    expect(meddle(fs, 'commit', () => edit(fs, 'd/precious'))).toBeUndefined();
    expect(at(fs, 'd')).toBe('a file');
    expect(picture(fs, ROOT).filter((line) => line.includes('precious') && line.includes('"mine"'))).toHaveLength(1);
  });

  test.each([
    ['a program', 0o755],
    ['a file', 0o644],
  ])('a directory in place of what was kept of %s goes with what is in it, and the merge ends', (_, mode) => {
    const fs = world([{ path: 'a', content: 'old', mode }], [{ path: 'a', content: 'new', mode }]);
    let planted = 0;
    const plant = (): void => {
      const root = fs.openRoot(ROOT);
      for (const { name } of fs.list(root)) {
        if (!name.startsWith('.a.emplace-')) continue;
        fs.unlink(root, name);
        build(fs, ROOT, [
          { path: name, type: 'directory' },
          { path: `${name}/theirs`, content: 'theirs' },
        ]);
        planted++;
      }
      fs.closeDir(root);
    };
    expect(meddle(fs, 'clean-up', plant)).toBeUndefined();
    expect(planted).toBe(1);
    expect(at(fs, 'a')).toBe('new');
    expect(picture(fs, ROOT).filter((line) => line.includes('.emplace'))).toEqual([]);
  });

  test('an identical file that is removed does not stop it', () => {
    const entry = { path: 'same', content: 'same' };
    const fs = world([{ ...entry, mtime: { sec: 1, nsec: 1 } }, ...old], [entry, ...fresh]);
    expect(meddle(fs, 'commit', () => remove(fs, 'same'))).toBeUndefined();
    expect([at(fs, 'a'), at(fs, 'same')]).toEqual(['new', undefined]);
  });

  test('a directory that its owner swaps for a symlink is not followed, and blocks nothing (G6)', () => {
    const fs = world([directory, inside('old'), { path: 'secret', type: 'directory' }], [directory, inside('new')]);
    const error = meddle(fs, 'stage', () => {
      const root = fs.openRoot(ROOT);
      fs.rename(root, ascii('d'), root, ascii('moved'));
      fs.symlink(root, ascii('d'), ascii('secret'));
      fs.closeDir(root);
    });
    expect(error).toMatchObject({ code: 'STAGE_FAILED', outcome: 'rolled-back' });
    expect(at(fs, 'moved/a')).toBe('old');
    expect(picture(fs, ROOT).filter((line) => line.startsWith('secret/') || line.includes('.emplace'))).toEqual([]);
  });
});

test('an image that was built anew under the same name is not taken for the one of the journal', () => {
  const fs = world(old, fresh);
  stopInCommit(fs, { strategy: 'copy' }, 3);
  const top = fs.openRoot(ascii('/'));
  fs.rename(top, ascii('image'), top, ascii('older'));
  fs.mkdir(top, ascii('image'), 0o755);
  fs.closeDir(top);
  build(
    fs,
    IMAGE,
    fresh.map((entry) => ({ ...entry, content: 'newer' })),
  );
  recoverSync({ root: '/root', fs });
  expect(picture(fs, IMAGE, false)).toHaveLength(3);
});
