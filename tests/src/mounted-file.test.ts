/** A file of the root that is itself a mount point, as containers have some in /etc. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  bindMount,
  file,
  remount,
  type TemporaryDirectory,
  temporaryDirectory,
  thrown,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { MergeError, mergeSync, recoverSync } from '@emplace/merge-core';
import { describe, expect } from '@jest/globals';

const child = fileURLToPath(new URL('./children/merge-until.ts', import.meta.url));

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

const refusal = (act: () => unknown): MergeError => thrown(MergeError, act);

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

  describe('whose mount is gone when recovery runs', () => {
    /** Killed when it was about to write the file, after its commit point. */
    function killed(work: TemporaryDirectory): void {
      const options = JSON.stringify({ busy: 'in-place', sync: 'none' });
      const args = [child, work.at('image'), work.at('root'), 'openWritable:2', options];
      const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', ...args];
      expect(spawnSync(process.execPath, node).signal).toBe('SIGKILL');
      unmount(work.at('root/etc/hosts'));
    }

    rootTest('is asked for, not guessed, and completed once it is back', () => {
      using work = scene();
      killed(work);
      expect(refusal(() => recoverSync({ root: work.at('root') }))).toMatchObject({ code: 'INCOMPLETE', exitCode: 5 });
      expect(readFileSync(work.at('root/etc/hosts'), 'utf8')).toBe('covered');
      bindMount(work.at('store/hosts'), work.at('root/etc/hosts'));
      expect(recoverSync({ root: work.at('root') }).outcome).toBe('recovered');
      expect(readFileSync(work.at('store/hosts'), 'utf8')).toBe('new hosts');
      expect(readdirSync(work.at('root/etc')).sort()).toEqual(['hosts', 'other']);
    });

    rootTest(
      'does not lock the root for ever: everything else is rolled back, and what it held is kept and named',
      () => {
        using work = scene();
        killed(work);
        const { outcome, warnings } = recoverSync({ root: work.at('root'), rollback: true });
        expect(outcome).toBe('rolled-back');
        expect(warnings).toMatchObject([{ code: 'LEFT_BEHIND', path: 'etc/hosts' }]);
        expect(readFileSync(work.at('root/etc/hosts'), 'utf8')).toBe('covered');
        expect(readFileSync(work.at('root/etc/other'), 'utf8')).toBe('old');
        const [kept = ''] = readdirSync(work.at('root/etc')).filter((name) => name.startsWith('.'));
        expect(warnings[0]?.message).toContain(kept);
        expect(readFileSync(work.at(`root/etc/${kept}`), 'utf8')).toBe('mounted');
        expect(recoverSync({ root: work.at('root') }).outcome).toBe('nothing-to-recover');
      },
    );
  });
});
