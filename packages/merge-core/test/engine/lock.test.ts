import { type FsPort, restoreTime } from '@emplace/fsprobe';
import { ascii, SyscallError } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { memoryPort } from '../../src/fs/memory.ts';
import { MergeError, type MergeEvent, mergeSync, recoverSync } from '../../src/index.ts';
import { type InFlight, lockRoot } from '../../src/lock.ts';
import { HERE } from '../../src/paths.ts';
import { STATE_DIRECTORY } from '../../src/state.ts';
import { build, picture } from './world.ts';

/** Another merge that ends as ours looks for its state directory: it is gone each time before it is opened, `times` times. */
function endingMerge(fs: FsPort, times: number): FsPort {
  let left = times;
  const root = fs.openRoot(ascii('/root'));
  fs.mkdir(root, STATE_DIRECTORY, 0o700);
  return {
    ...fs,
    openDir(at, path) {
      if (path === STATE_DIRECTORY && left > 0) {
        left--;
        fs.rmdir(root, STATE_DIRECTORY);
      }
      return fs.openDir(at, path);
    },
  };
}

function world() {
  const fs = memoryPort();
  const top = fs.openRoot(ascii('/'));
  for (const name of ['image', 'root']) fs.mkdir(top, ascii(name), 0o755);
  fs.closeDir(top);
  build(fs, ascii('/image'), [{ path: 'a', content: 'new' }]);
  return fs;
}

test('a merge that begins as another one ends gets the lock', () => {
  const fs = world();
  expect(mergeSync({ image: '/image', root: '/root', fs: endingMerge(fs, 1) }).outcome).toBe('merged');
  expect(picture(fs, ascii('/root'))).toEqual([expect.stringContaining('"new"')]);
});

test('a recovery that begins as another one ends finds nothing to do', () => {
  const fs = world();
  expect(recoverSync({ root: '/root', fs: endingMerge(fs, 1) }).outcome).toBe('nothing-to-recover');
});

describe('a lock that is kept in flight', () => {
  /** What a socket says when the system is short of memory: see recvmsg(2). */
  const short = (): never => {
    throw new SyscallError('ENOBUFS', 'recvmsg', []);
  };
  const opened = (fs: FsPort) => {
    const root = fs.openRoot(ascii('/root'));
    return { root, [Symbol.dispose]: () => fs.closeDir(root) };
  };

  test('and cannot be taken over is a typed error, and nothing is touched', () => {
    const fs = world();
    using tree = opened(fs);
    const terms = { emit: () => {}, inFlight: { put: () => {}, take: short } };
    expect(() => lockRoot(tree.root, fs, terms)).toThrow(expect.objectContaining({ code: 'LOCK_UNAVAILABLE' }));
    expect(picture(fs, ascii('/root'))).toEqual([]);
  });

  test('and does not come back when it is given up is told, and all the rest of it is given back', () => {
    const fs = world();
    using tree = opened(fs);
    const told: unknown[] = [];
    let take: InFlight['take'] = () => undefined;
    const terms = {
      emit: (event: MergeEvent) => void told.push(event),
      inFlight: { put: () => {}, take: () => take() },
    };
    const lock = lockRoot(tree.root, fs, terms);
    take = short;
    lock[Symbol.dispose]();
    expect(told).toMatchObject([{ warning: { code: 'LEFT_BEHIND', message: expect.stringContaining('ENOBUFS') } }]);
    expect(picture(fs, ascii('/root'))).toEqual([]);
  });
});

test('a root whose file system has no locks to give is refused as that (ENOLCK)', () => {
  const fs = world();
  const unlockable: FsPort = {
    ...fs,
    tryFlock: () => {
      throw new SyscallError('ENOLCK', 'flock', []);
    },
  };
  const error = refusal(() => mergeSync({ image: '/image', root: '/root', fs: unlockable }));
  expect(error).toMatchObject({ code: 'LOCK_UNAVAILABLE', exitCode: 3, outcome: 'refused' });
  expect(error.message).toContain('ENOLCK');
  expect(error.hint).toContain('lock service');
});

function refusal(act: () => unknown): MergeError {
  try {
    act();
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the time of the root', () => {
  const time = { sec: 1_400_000_000, nsec: 7 };
  const rootTime = (fs: FsPort) => {
    const root = fs.openRoot(ascii('/root'));
    const found = fs.stat(root, HERE)?.mtime;
    fs.closeDir(root);
    return found;
  };
  /** After a merge that was killed when it had locked the root, and before it had a journal. */
  const killed = () => {
    const fs = world();
    const root = fs.openRoot(ascii('/root'));
    restoreTime(root, time, fs);
    lockRoot(root, fs, { emit: () => {} });
    fs.crash();
    expect(rootTime(fs)).not.toEqual(time);
    return fs;
  };

  test('is what it was, once what a killed merge left is recovered', () => {
    const fs = killed();
    recoverSync({ root: '/root', fs });
    expect(rootTime(fs)).toEqual(time);
  });

  test('stays what it is when somebody changed the root meanwhile', () => {
    const fs = killed();
    const root = fs.openRoot(ascii('/root'));
    fs.mkdir(root, ascii('new'), 0o755);
    const changed = rootTime(fs);
    fs.closeDir(root);
    recoverSync({ root: '/root', fs });
    expect(rootTime(fs)).toEqual(changed);
  });

  test.each(['', '{}', '{"rootTime":{"sec":"1","nsec":0}}', '{"rootTime":{"sec":1e300,"nsec":0}}', 'null'])(
    'is not believed where it says %j',
    (text) => {
      const fs = killed();
      const root = fs.openRoot(ascii('/root'));
      const state = fs.openDir(root, STATE_DIRECTORY);
      fs.unlink(state, ascii('owner'));
      build(fs, ascii('/root/.emplace'), [{ path: 'owner', content: text }]);
      fs.closeDir(state);
      const found = rootTime(fs);
      fs.closeDir(root);
      recoverSync({ root: '/root', fs });
      expect(rootTime(fs)).toEqual(found);
    },
  );
});
