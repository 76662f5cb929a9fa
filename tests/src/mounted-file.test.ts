/** A file of the root that is itself a mount point, as containers have some in /etc. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import {
  bindMount,
  file,
  remount,
  type TemporaryDirectory,
  temporaryDirectory,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { linuxPort } from '@emplace/fsprobe';
import { MergeError, mergeSync, recoverSync } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';

/** A root whose `etc/hosts` is `store/hosts` by a bind mount, and an image that brings another. */
function scene(): TemporaryDirectory {
  const work = temporaryDirectory();
  writeTree(work.make('store'), [file('hosts', 'mounted')]);
  writeTree(work.make('root'), [file('etc/hosts', 'covered'), file('etc/other', 'old')]);
  writeTree(work.make('image'), [file('etc/hosts', 'new hosts'), file('etc/other', 'new')]);
  chmodSync(work.at('image/etc/hosts'), 0o640);
  chownSync(work.at('image/etc/hosts'), 1, 2);
  bindMount(work.at('store/hosts'), work.at('root/etc/hosts'));
  const dispose = (): void => {
    if (isMounted(work.at('root/etc/hosts'))) unmount(work.at('root/etc/hosts'));
    work[Symbol.dispose]();
  };
  return { ...work, [Symbol.dispose]: dispose };
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
}

function refusal(act: () => unknown): MergeError {
  try {
    act();
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('a mounted file', () => {
  rootTest('is refused with its mount named, and nothing changes', () => {
    using work = scene();
    const error = refusal(() => mergeSync({ image: work.at('image'), root: work.at('root') }));
    expect(error).toMatchObject({ code: 'MOUNT_POINT', exitCode: 3 });
    expect(error.message).toMatch(/^`etc\/hosts` is a mount point \(EBUSY\): \w+ on \S.*, mount \d+$/);
    expect(readFileSync(work.at('root/etc/other'), 'utf8')).toBe('old');
  });

  rootTest('is written through where that is asked for: one inode, all attributes, and a warning', () => {
    using work = scene();
    const { ino } = statSync(work.at('store/hosts'));
    const report = mergeSync({ image: work.at('image'), root: work.at('root'), busy: 'in-place' });
    expect(report.warnings).toMatchObject([{ code: 'NOT_ATOMIC', path: 'etc/hosts' }]);
    expect(readFileSync(work.at('store/hosts'), 'utf8')).toBe('new hosts');
    expect(statSync(work.at('store/hosts'))).toMatchObject({ ino, uid: 1, gid: 2, mode: 0o100640 });
    expect(readdirSync(work.at('root/etc')).sort()).toEqual(['hosts', 'other']);
  });

  rootTest('that is mounted read-only is refused before anything changes', () => {
    using work = scene();
    remount(work.at('root/etc/hosts'), 'bind,ro');
    const error = refusal(() => mergeSync({ image: work.at('image'), root: work.at('root'), busy: 'in-place' }));
    expect(error).toMatchObject({ code: 'MOUNT_POINT', exitCode: 3 });
    expect(error.message).toContain('cannot be written (EROFS)');
  });

  rootTest('that a process runs is refused before anything changes (ETXTBSY)', async () => {
    using work = temporaryDirectory();
    for (const name of ['store', 'root', 'image']) work.make(name);
    copyFileSync('/bin/cat', work.at('store/program'));
    writeFileSync(work.at('root/program'), '');
    writeFileSync(work.at('image/program'), 'another');
    bindMount(work.at('store/program'), work.at('root/program'));
    try {
      const running = spawn(work.at('root/program'), { stdio: ['pipe', 'pipe', 'ignore'] });
      running.stdin.write('x');
      await once(running.stdout, 'data');
      const error = refusal(() => mergeSync({ image: work.at('image'), root: work.at('root'), busy: 'in-place' }));
      expect(error.message).toContain('cannot be written (ETXTBSY)');
      running.stdin.end();
      await once(running, 'exit');
    } finally {
      unmount(work.at('root/program'));
    }
  });

  rootTest('that is gone when recovery runs is asked for, not guessed', () => {
    using work = scene();
    const options = { image: work.at('image'), root: work.at('root'), busy: 'in-place', sync: 'none' } as const;
    const fs = linuxPort();
    // Fails when the file has just been emptied, and again when it would be put back.
    const emptied = Object.assign(Object.create(fs) as typeof fs, {
      truncate: (...args: Parameters<typeof fs.truncate>) => {
        fs.truncate(...args);
        if (fs.pathShown(args[0])?.endsWith('/etc/hosts') === true) throw new Error('stopped');
      },
    });
    expect(() => mergeSync({ ...options, fs: emptied })).toThrow('stopped');
    unmount(work.at('root/etc/hosts'));
    expect(refusal(() => recoverSync({ root: work.at('root') }))).toMatchObject({ code: 'INCOMPLETE', exitCode: 5 });
    expect(readFileSync(work.at('root/etc/hosts'), 'utf8')).toBe('covered');
    bindMount(work.at('store/hosts'), work.at('root/etc/hosts'));
    expect(recoverSync({ root: work.at('root') }).outcome).toBe('rolled-back');
    expect(readFileSync(work.at('store/hosts'), 'utf8')).toBe('mounted');
    expect(readdirSync(work.at('root/etc')).sort()).toEqual(['hosts', 'other']);
  });
});
