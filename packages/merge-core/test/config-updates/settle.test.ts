import { failAt, stopAfter } from '@emplace/fixtures/faults';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { mergeSync, settleConfigUpdates } from '../../src/index.ts';
import { build } from '../engine/world.ts';
import {
  configWorld,
  edit,
  edited,
  etc,
  list,
  MERGED,
  MINE,
  newest,
  readIn,
  settleAll,
  THEIRS,
} from './config-world.ts';

const merge = { how: 'merge', content: Buffer.from(MERGED) } as const;
const PRISTINE = 'var/lib/emplace/pristine/etc/app.conf';

function errorsOf(report: ReturnType<typeof settleAll>): (string | undefined)[] {
  return report.settled.map(({ error }) => error?.code);
}

describe('an update that is', () => {
  test('accepted takes the place of the file, with all that it has; older ones go with it', () => {
    const fs = configWorld(edited);
    const { settled, warnings } = settleAll(fs, { how: 'accept' });
    expect(settled).toMatchObject([
      { error: undefined, removed: ['._cfg0000_app.conf', '._cfg0003_app.conf'], warnings: [] },
    ]);
    expect(warnings).toEqual([]);
    expect(etc(fs)).toEqual([`etc/app.conf file 600 1:2 user.theirs=new ${JSON.stringify(THEIRS)}`]);
    expect(readIn(fs, PRISTINE)).toBe(THEIRS);
    expect(fs.openHandles()).toBe(0);
  });

  test('rejected goes, and is what the next one is compared with', () => {
    const fs = configWorld(edited);
    expect(errorsOf(settleAll(fs, { how: 'reject' }))).toEqual([undefined]);
    expect(etc(fs)).toEqual([`etc/app.conf file 640 7:8 user.mine=kept ${JSON.stringify(MINE)}`]);
    expect(readIn(fs, PRISTINE)).toBe(THEIRS);
  });

  test('merged leaves the file its owner, mode and extended attributes', () => {
    const fs = configWorld(edited);
    expect(errorsOf(settleAll(fs, merge))).toEqual([undefined]);
    expect(etc(fs)).toEqual([`etc/app.conf file 640 7:8 user.mine=kept ${JSON.stringify(MERGED)}`]);
    expect(readIn(fs, PRISTINE)).toBe(THEIRS);
    expect(list(fs).files).toEqual([]);
  });

  test('an older one leaves the newer one to wait', () => {
    const fs = configWorld(edited);
    const [file] = list(fs).files;
    if (file === undefined) throw new Error('nothing waits');
    const chosen = { file, update: file.updates[0] };
    settleConfigUpdates({ root: '/root', fs }, [{ chosen, action: { how: 'reject' } }]);
    expect(list(fs).files.map(({ updates }) => updates.map(({ number }) => number))).toEqual([[3]]);
  });

  test('for a file that is gone, or a symlink, or a long one, has no base', () => {
    const fs = configWorld([
      { path: 'etc/._cfg0000_gone', content: 'back' },
      { path: 'etc/app.conf', content: MINE },
      { path: 'etc/._cfg0000_app.conf', type: 'symlink', content: 'elsewhere' },
      { path: PRISTINE, content: MINE },
    ]);
    expect(errorsOf(settleAll(fs, { how: 'accept' }))).toEqual([undefined, undefined]);
    expect(etc(fs)).toEqual(['etc/app.conf symlink 777 0:0  -> elsewhere', 'etc/gone file 644 0:0  "back"']);
    expect(() => readIn(fs, PRISTINE)).toThrow('ENOENT');
    expect(readIn(fs, 'var/lib/emplace/pristine/etc/gone')).toBe('back');
  });

  test('is forgotten by nobody: config memory stays as it is (F.6)', () => {
    const memory =
      '/etc/app.conf 0123456789abcdef0123456789abcdef\n/etc/with a blank 0123456789abcdef0123456789abcdef\n';
    for (const action of [{ how: 'accept' }, { how: 'reject' }, merge] as const) {
      const fs = configWorld([...edited, { path: 'var/lib/portage/config', content: memory }]);
      settleAll(fs, action);
      expect(readIn(fs, 'var/lib/portage/config')).toBe(memory);
    }
  });
});

describe('nothing is changed', () => {
  test('when the file or the update changed, went or came since it was listed: CONFIG_UPDATE_CHANGED', () => {
    const dirOf = (fs: ReturnType<typeof configWorld>) => fs.openRoot(ascii('/root/etc'));
    const changes: readonly ((fs: ReturnType<typeof configWorld>) => void)[] = [
      (fs) => edit(fs, 'etc', 'app.conf', 'edited'),
      (fs) => edit(fs, 'etc', '._cfg0003_app.conf', 'another'),
      (fs) => fs.unlink(dirOf(fs), ascii('app.conf')),
      (fs) => fs.unlink(dirOf(fs), ascii('._cfg0003_app.conf')),
      (fs) => {
        fs.unlink(dirOf(fs), ascii('app.conf'));
        fs.symlink(dirOf(fs), ascii('app.conf'), ascii('/root/secret'));
      },
    ];
    for (const change of changes)
      for (const action of [{ how: 'accept' }, { how: 'reject' }, merge] as const) {
        const fs = configWorld(edited);
        const [file] = list(fs).files;
        if (file === undefined) throw new Error('nothing waits');
        change(fs);
        const before = etc(fs);
        const chosen = { file, update: newest(file) };
        const report = settleConfigUpdates({ root: '/root', fs }, [{ chosen, action }]);
        expect(report.settled[0]?.error?.code).toBe('CONFIG_UPDATE_CHANGED');
        expect(etc(fs)).toEqual(before);
      }
  });

  test('when a directory is in the way, or the update is no file: CONFIG_UPDATE_UNUSABLE, and the others are settled', () => {
    const fs = configWorld([
      ...edited,
      { path: 'etc/way', type: 'directory' },
      { path: 'etc/._cfg0000_way', content: 'file' },
      { path: 'etc/._cfg0000_pipe', type: 'fifo' },
    ]);
    expect(errorsOf(settleAll(fs, { how: 'accept' }))).toEqual([
      undefined,
      'CONFIG_UPDATE_UNUSABLE',
      'CONFIG_UPDATE_UNUSABLE',
    ]);
    expect(list(fs).files.map(({ path }) => path)).toEqual(['etc/pipe', 'etc/way']);
  });

  test('when the file is a mount point or immutable, or the file system is read-only', () => {
    const mounted = configWorld(edited);
    mounted.setFlags('/root/etc/app.conf', { immutable: true });
    expect(errorsOf(settleAll(mounted, { how: 'accept' }))).toEqual(['IMMUTABLE']);
    mounted.setFlags('/root/etc/app.conf', {});
    const bound = configWorld([...edited, { path: 'elsewhere' }]);
    bound.mount({ path: '/root/etc/app.conf', bind: '/root/elsewhere' });
    expect(errorsOf(settleAll(bound, { how: 'accept' }))).toEqual(['MOUNT_POINT']);
    const readOnly = configWorld([]);
    readOnly.mount({ path: '/root/etc' });
    build(readOnly, ascii('/root/etc'), [{ path: 'a' }, { path: '._cfg0000_a', content: 'b' }]);
    readOnly.setReadOnly('/root/etc', true);
    expect(errorsOf(settleAll(readOnly, { how: 'accept' }))).toEqual(['READ_ONLY']);
  });

  test('when there is no room, and what was staged is gone', () => {
    const fs = configWorld(edited);
    const before = etc(fs);
    // The first write is the lock's owner file.
    for (const [action, call, nth] of [
      [{ how: 'accept' }, 'write', 2],
      [merge, 'write', 2],
      [merge, 'fsync', 1],
    ] as const) {
      expect(
        errorsOf(
          settleAll(
            failAt(fs, nth, 'ENOSPC', (name) => name === call),
            action,
          ),
        ),
      ).toEqual(['NO_SPACE']);
      expect(etc(fs)).toEqual(before);
    }
  });

  test('when a hard link is offered for a merge where others may write: it may lead to what they may not read', () => {
    const fs = configWorld([
      { path: 'etc/theirs', type: 'directory', uid: 1000 },
      { path: 'etc/secret', content: 'secret', mode: 0o600 },
      { path: 'etc/theirs/conf', content: 'a', uid: 1000 },
      { path: 'etc/theirs/._cfg0000_conf', link: 'etc/secret' },
    ]);
    expect(errorsOf(settleAll(fs, { how: 'merge', content: Buffer.from('secret') }))).toEqual([
      'CONFIG_UPDATE_UNUSABLE',
    ]);
    expect(readIn(fs, 'etc/theirs/conf')).toBe('a');
  });
});

test('what cannot be done after the file has its content is told, and the update waits', () => {
  const fs = configWorld(edited);
  const failing = failAt(
    fs,
    1,
    'EROFS',
    (name, args) => name === 'createFile' && args[2] === 0o600 && `${args[1]}`.startsWith('.app'),
  );
  const [first] = settleAll(
    failAt(failing, 1, 'EIO', (name, args) => name === 'unlink' && args[1] === '._cfg0003_app.conf'),
    { how: 'reject' },
  ).settled;
  expect(first?.error).toBeUndefined();
  expect(first?.removed).toEqual(['._cfg0000_app.conf']);
  expect(first?.warnings.map((line) => line.replace(/:.*/s, ''))).toEqual([
    'the pristine copy of `/etc/app.conf` is not kept',
    'updates of `/etc/app.conf` are not all removed',
  ]);
  expect(list(fs).files.length).toBe(1);
});

describe('the root', () => {
  test('is locked by one at a time, and Portage’s config memory while Portage merges: LOCKED', () => {
    const fs = configWorld([...edited, { path: 'var/lib/portage/config', content: '' }]);
    const dir = fs.openRoot(ascii('/root/var/lib/portage'));
    const memory = fs.openWritable(dir, ascii('config'));
    expect(fs.tryRecordLock(memory)).toBe(true);
    const before = etc(fs);
    expect(() => settleAll(fs, { how: 'accept' })).toThrow(expect.objectContaining({ code: 'LOCKED', exitCode: 6 }));
    fs.closeFile(memory);
    const top = fs.openRoot(ascii('/root'));
    fs.mkdir(top, ascii('.emplace'), 0o700);
    const state = fs.openDir(top, ascii('.emplace'));
    const lock = fs.createFile(state, ascii('lock'), 0o600);
    expect(fs.tryFlock(lock)).toBe(true);
    expect(() => settleAll(fs, { how: 'accept' })).toThrow(expect.objectContaining({ code: 'LOCKED' }));
    expect(etc(fs)).toEqual(before);
  });

  test('is recovered first when a merge was left unfinished', () => {
    const fs = configWorld(edited);
    const top = fs.openRoot(ascii('/'));
    fs.mkdir(top, ascii('image'), 0o755);
    build(fs, ascii('/image'), [{ path: 'new', content: 'new' }]);
    const whole = fs.clone();
    let calls = 0;
    for (const step = 20; calls < 10_000; calls += step) {
      const trial = whole.clone();
      try {
        mergeSync({ root: '/root', image: '/image', fs: stopAfter(trial, calls) });
        break;
      } catch {
        trial.crash();
      }
      const { settled, recovered } = settleAll(trial, { how: 'accept' });
      expect(settled.map(({ error }) => error)).toEqual([undefined]);
      expect(trial.stat(trial.openRoot(ascii('/root')), ascii('.emplace'))).toBeUndefined();
      if (recovered !== undefined) return;
    }
    throw new Error('no merge was left unfinished');
  });
});
