import { thrown } from '@emplace/fixtures';
import { beforeCall, countCalls, failAt } from '@emplace/fixtures/faults';
import { ascii, isErrno } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { MergeError } from '../../src/index.ts';
import { lockSlot, lockVdb } from '../../src/ledger/vdb-locks.ts';
import { picture, ROOT } from '../engine/world.ts';
import { installed, Opened, rootWith } from './database.ts';

const LOCK = 'var/db/.pkg.portage_lockfile';
const packages = installed('a/b-1', { contents: [] });
const slotOf = (opened: Opened) => lockSlot(opened.vdb, ascii('a'), ascii('b'), '0');

test('the database is locked by its lock file, each slot by its own (J.3)', () => {
  using opened = new Opened(rootWith(...packages));
  using all = lockVdb(opened.vdb);
  using slot = slotOf(opened);
  expect([all.path, slot.path]).toEqual([LOCK, 'var/db/pkg/a/.b:0.portage_lockfile']);
});

test('a lock is held by one at a time, until it is disposed', () => {
  const fs = rootWith(...packages);
  using opened = new Opened(fs);
  {
    using _held = lockVdb(opened.vdb);
    const { code, outcome, message } = thrown(MergeError, () => lockVdb(opened.vdb));
    expect([code, outcome, message]).toEqual(['LOCKED', 'locked', `\`${LOCK}\` is locked by another program`]);
  }
  lockVdb(opened.vdb)[Symbol.dispose]();
});

test('a lock leaves nothing behind: no file, no directory, no handle', () => {
  const fs = rootWith({ path: 'var', type: 'directory' });
  const before = picture(fs, ROOT, false);
  {
    using opened = new Opened(fs);
    using _slot = slotOf(opened);
    using _all = lockVdb(opened.vdb);
    expect(picture(fs, ROOT, false)).toContainEqual(
      expect.stringMatching(/^var\/db\/\.pkg\.portage_lockfile file 660 0:0 /),
    );
  }
  expect(picture(fs, ROOT, false)).toEqual(before);
  expect(fs.openHandles()).toBe(0);
});

test('a lock file that was there stays, and so do directories that are no longer empty', () => {
  const fs = rootWith(...packages, { path: LOCK, content: '', mode: 0o660 });
  const before = picture(fs, ROOT, false);
  using opened = new Opened(fs);
  lockVdb(opened.vdb)[Symbol.dispose]();
  expect(picture(fs, ROOT, false)).toEqual(before);
});

test('a lock file that its last holder took along is made anew', () => {
  const fs = rootWith(...packages, { path: LOCK, content: '' });
  let turned = false;
  const meddled = beforeCall(fs, (name) => {
    if (name !== 'tryRecordLock' || turned) return;
    turned = true;
    const dir = fs.openRoot(ascii('/root/var/db'));
    fs.unlink(dir, ascii('.pkg.portage_lockfile'));
    fs.closeDir(dir);
  });
  using opened = new Opened(meddled);
  using lock = lockVdb(opened.vdb);
  expect(meddled.stat(opened.root, lock.path)?.ino).toBe(meddled.statHandle(lock.file).ino);
  expect(turned).toBe(true);
});

test('users of the group portage may take it too (J.3)', () => {
  const fs = rootWith(...packages);
  const top = fs.openRoot(ascii('/'));
  fs.mkdir(top, ascii('etc'), 0o755);
  const etc = fs.openDir(top, ascii('etc'));
  const group = fs.createFile(etc, ascii('group'), 0o644);
  fs.write(group, Buffer.from('root:x:0:\nxportage:x:9:\nportage:x:250:portage,me\n'));
  for (const close of [() => fs.closeFile(group), () => fs.closeDir(etc), () => fs.closeDir(top)]) close();
  using opened = new Opened(fs);
  using lock = lockVdb(opened.vdb);
  expect(fs.statHandle(lock.file)).toMatchObject({ mode: 0o660, gid: 250 });
});

test('something else in its place is refused, and touched by nobody', () => {
  for (const type of ['fifo', 'symlink', 'directory'] as const) {
    const fs = rootWith(...packages, { path: LOCK, type, content: '/etc/passwd' });
    using opened = new Opened(fs);
    expect(thrown(MergeError, () => lockVdb(opened.vdb)).code).toBe('VDB_DAMAGED');
  }
});

test('whichever call fails, nothing stays open, and nothing but what is empty stays', () => {
  const pristine = rootWith({ path: 'var', type: 'directory' });
  const before = picture(pristine, ROOT, false);
  const counted = countCalls(pristine.clone());
  {
    using opened = new Opened(counted);
    slotOf(opened)[Symbol.dispose]();
  }
  const wrong: string[] = [];
  for (let n = 1; n <= counted.calls; n++) {
    const fs = pristine.clone();
    try {
      using opened = new Opened(failAt(fs, n, 'EIO', (name) => !name.startsWith('close')));
      slotOf(opened)[Symbol.dispose]();
    } catch (error) {
      if (!(error instanceof MergeError || isErrno(error, 'EIO'))) throw error;
    }
    if (fs.openHandles() > 0) wrong.push(`call ${n}: ${fs.openHandles()} open`);
    const left = picture(fs, ROOT, false).filter((line) => !before.includes(line));
    if (!left.every((line) => / directory | file .* ""$/.test(line))) wrong.push(`call ${n}: ${left.join(', ')}`);
    // Whatever stayed is in nobody's way.
    using opened = new Opened(fs);
    slotOf(opened)[Symbol.dispose]();
  }
  expect(wrong).toEqual([]);
});
