import { aclFor, aclValue, capabilityValue } from '@emplace/fixtures';
import type { FileHandle } from '@emplace/fsprobe';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { errno, onBothPorts, type Scene } from './conformance.ts';

const CAPABILITY = ascii('security.capability');
const ACL = ascii('system.posix_acl_access');
const DEFAULT_ACL = ascii('system.posix_acl_default');
const NET_RAW = capabilityValue(13);

/** The attributes of an entry but for what the system adds by itself (security labels). */
function attributes(s: Scene, file: FileHandle): Record<string, string> {
  const found = [...s.fs.xattrs(file)].filter(([key]) => key === CAPABILITY || !key.startsWith('security.'));
  return Object.fromEntries(found.sort().map(([key, value]) => [key, value.toString('latin1')]));
}

onBothPorts(({ scene, test, rootTest }) => {
  describe('attributes of an entry', () => {
    test('are set, replaced, listed and removed', () => {
      using s = scene();
      s.make('f=1', 'd/');
      for (const path of ['f', 'd']) {
        s.pinned(path, (file) => {
          const set = (key: string, value: string): void =>
            s.fs.setXattr(file, ascii(key), Buffer.from(value, 'latin1'));
          set('user.a', '1');
          set('user.b', '');
          set('user.a', 'two\0\xff');
          expect(attributes(s, file)).toEqual({ 'user.a': 'two\0\xff', 'user.b': '' });
          s.fs.removeXattr(file, ascii('user.b'));
          expect(errno(() => s.fs.removeXattr(file, ascii('user.b')))).toBe('ENODATA');
          expect(attributes(s, file)).toEqual({ 'user.a': 'two\0\xff' });
        });
      }
    });

    test('have names of bytes', () => {
      using s = scene();
      const key = toBytes(Buffer.from('user.\xff\n é', 'latin1'));
      s.writing('f', (file) => {
        s.fs.setXattr(file, key, Buffer.from('1'));
        expect(attributes(s, file)).toEqual({ [key]: '1' });
        expect(errno(() => s.fs.setXattr(file, `user.${'x'.repeat(251)}` as Bytes, Buffer.from('1')))).toBe('ERANGE');
        expect(errno(() => s.fs.setXattr(file, ascii('nonsense.x'), Buffer.from('1')))).toBe('EOPNOTSUPP');
      });
    });

    test('belong to the file, not to its name', () => {
      using s = scene();
      s.make('a=1', 'b==a', 'c=2');
      const key = ascii('user.k');
      s.pinned('a', (file) => s.fs.setXattr(file, key, Buffer.from('v')));
      s.rename('a', 'c');
      for (const name of ['b', 'c']) s.pinned(name, (file) => expect(attributes(s, file)).toEqual({ 'user.k': 'v' }));
      s.pinned('b', (file) => s.fs.removeXattr(file, key));
      s.pinned('c', (file) => expect(attributes(s, file)).toEqual({}));
    });

    test('of users are refused on what is neither file nor directory', () => {
      using s = scene();
      s.make('l->f', 'p|');
      for (const name of ['l', 'p']) {
        const set = (file: FileHandle): void => s.fs.setXattr(file, ascii('user.x'), Buffer.from('1'));
        s.pinned(name, (file) => expect(errno(() => set(file))).toBe('EPERM'));
      }
    });

    rootTest('of root go on everything, and stay off what a symlink points to', () => {
      using s = scene();
      s.make('f=1', 'd/', 'l->f', 'p|');
      for (const name of ['d', 'l', 'p']) {
        s.pinned(name, (file) => {
          s.fs.setXattr(file, ascii('trusted.x'), Buffer.from('1'));
          expect(attributes(s, file)).toEqual({ 'trusted.x': '1' });
        });
      }
      s.pinned('f', (file) => expect(attributes(s, file)).toEqual({}));
    });
  });

  describe('an ACL', () => {
    const acl = aclFor(0o640, 1234);
    const keys = (s: Scene, file: FileHandle): string[] => Object.keys(attributes(s, file));

    test('is the mode as well', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.chmod(file, 0o4600);
        s.fs.setXattr(file, ACL, aclValue({ owner: 6, group: 4, other: 1, mask: 5, users: { 1234: 7 } }));
        expect(s.stat('f').mode).toBe(0o4651);
      });
    });

    test('changes with the mode', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.setXattr(file, ACL, acl);
        s.fs.chmod(file, 0o700);
        const expected = aclValue({ owner: 7, group: 0, other: 0, mask: 0, users: { 1234: 4 } });
        expect(s.fs.xattrs(file).get(ACL)).toEqual(expected);
        s.fs.removeXattr(file, ACL);
        expect([s.stat('f').mode, keys(s, file)]).toEqual([0o700, []]);
      });
    });

    test('that says no more than a mode is only a mode', () => {
      using s = scene();
      const whole = aclValue({ owner: 6, group: 5, other: 4, mask: 0 });
      // Without its mask, the fourth entry.
      const three = Buffer.concat([whole.subarray(0, 4 + 16), whole.subarray(4 + 24)]);
      s.writing('f', (file) => {
        s.fs.setXattr(file, ACL, three);
        expect([s.stat('f').mode, keys(s, file)]).toEqual([0o654, []]);
      });
    });

    test('for what is made inside is of directories alone; symlinks have none', () => {
      using s = scene();
      s.make('d/', 'f=', 'l->f');
      const set = (path: string, key: Bytes): string =>
        s.pinned(path, (file) => errno(() => s.fs.setXattr(file, key, acl)));
      expect([set('d', DEFAULT_ACL), set('f', DEFAULT_ACL), set('l', ACL)]).toEqual([
        'success',
        'EACCES',
        'EOPNOTSUPP',
      ]);
      s.pinned('d', (file) => expect(keys(s, file)).toEqual([DEFAULT_ACL]));
    });
  });

  describe('the owner', () => {
    rootTest('is changed for what is pinned, symlinks themselves included', () => {
      using s = scene();
      s.make('f=', 'd/', 'l->f', 'p|');
      for (const name of ['d', 'l', 'p']) s.pinned(name, (file) => s.fs.chown(file, 1234, 5678));
      const owner = (name: string): number[] => [s.stat(name).uid, s.stat(name).gid];
      expect(['d', 'l', 'p'].map(owner)).toEqual(Array(3).fill([1234, 5678]));
      expect(owner('f')).toEqual(owner(''));
    });

    rootTest('takes setuid, setgid and capabilities with it when it changes, and even when it does not', () => {
      using s = scene();
      for (const uid of [1234, 0]) {
        const name = `f${uid}`;
        s.writing(name, (file) => {
          s.fs.chmod(file, 0o6755);
          s.fs.setXattr(file, CAPABILITY, NET_RAW);
          expect(attributes(s, file)).toEqual({ [CAPABILITY]: NET_RAW.toString('latin1') });
          s.fs.chown(file, uid, 0);
          expect([s.stat(name).mode, attributes(s, file)]).toEqual([0o755, {}]);
        });
      }
    });

    rootTest('leaves a directory its bits, and a file setgid that nobody can execute by', () => {
      using s = scene();
      s.make('d/', 'f=');
      for (const name of ['d', 'f']) {
        s.pinned(name, (file) => {
          s.fs.chmod(file, 0o6705);
          s.fs.chown(file, 1, 1);
        });
      }
      expect([s.stat('d').mode, s.stat('f').mode]).toEqual([0o6705, 0o2705]);
    });

    rootTest('of what is made in a setgid directory has its group, with the mode asked for', () => {
      using s = scene();
      s.make('d/');
      s.pinned('d', (dir) => s.fs.chown(dir, 0, 77));
      s.pinned('d', (dir) => s.fs.chmod(dir, 0o2755));
      s.make('d/f=', 'd/e/', 'd/l->f');
      expect(['d/f', 'd/e', 'd/l'].map((path) => s.stat(path).gid)).toEqual([77, 77, 77]);
      expect(s.stat('d/e').mode).toBe(0o755);
    });
  });

  describe('capabilities', () => {
    rootTest('go when the content changes; setuid stays, for it is root who writes', () => {
      using s = scene();
      const changes: readonly ((file: FileHandle) => void)[] = [
        (file) => s.fs.write(file, Buffer.from('x')),
        (file) => s.fs.truncate(file, 0),
      ];
      for (const [i, change] of changes.entries()) {
        s.writing(`f${i}`, (file) => {
          s.fs.write(file, Buffer.from('content'));
          s.fs.chmod(file, 0o4755);
          s.fs.setXattr(file, CAPABILITY, NET_RAW);
          change(file);
          expect([s.stat(`f${i}`).mode, attributes(s, file)]).toEqual([0o4755, {}]);
        });
      }
    });

    rootTest('stay with a new mode, name or time', () => {
      using s = scene();
      s.writing('f', (file) => {
        s.fs.setXattr(file, CAPABILITY, NET_RAW);
        s.fs.chmod(file, 0o711);
        s.fs.setTimes(file, { sec: 1, nsec: 1 });
        s.rename('f', 'g');
        s.link('g', 'h');
        expect(Object.keys(attributes(s, file))).toEqual([CAPABILITY]);
      });
    });

    rootTest('that are none are refused', () => {
      using s = scene();
      s.writing('f', (file) => {
        expect(errno(() => s.fs.setXattr(file, CAPABILITY, Buffer.from('nonsense')))).toBe('EINVAL');
      });
    });
  });

  describe('the mode', () => {
    test('is changed for what is pinned, but a symlink has none', () => {
      using s = scene();
      s.make('f=', 'd/', 'l->f', 'p|');
      for (const name of ['f', 'd', 'p']) {
        s.pinned(name, (file) => s.fs.chmod(file, 0o1750));
        expect(s.stat(name).mode).toBe(0o1750);
      }
      s.pinned('l', (file) => expect(errno(() => s.fs.chmod(file, 0o600))).toBe('EOPNOTSUPP'));
      expect([s.stat('l').mode, s.stat('f').mode]).toEqual([0o777, 0o1750]);
    });
  });

  describe('times', () => {
    test('are kept to the nanosecond, before 1970 and after 2038 too', () => {
      using s = scene();
      s.make('f=', 'd/', 'l->f', 'p|');
      for (const name of ['f', 'd', 'l', 'p']) {
        for (const mtime of [
          { sec: 1_700_000_000, nsec: 123_456_789 },
          { sec: 0, nsec: 999_999_999 },
          { sec: -1, nsec: 1 },
          { sec: 5_000_000_000, nsec: 1 },
        ]) {
          s.pinned(name, (file) => s.fs.setTimes(file, mtime));
          expect(s.stat(name).mtime).toEqual(mtime);
        }
      }
    });

    test('of a file change when it is written and stay when it is renamed, linked or replaces', () => {
      using s = scene();
      const old = { sec: 5, nsec: 5 };
      s.make('g=');
      s.writing('f', (file) => {
        s.fs.setTimes(file, old);
        s.fs.write(file, Buffer.from('x'));
        expect(s.stat('f').mtime).not.toEqual(old);
        s.fs.setTimes(file, old);
        s.link('f', 'h');
        s.rename('f', 'g');
        s.fs.chmod(file, 0o600);
        expect(s.stat('g').mtime).toEqual(old);
      });
    });

    test('of more nanoseconds than a second has are refused', () => {
      using s = scene();
      s.writing('f', (file) => expect(errno(() => s.fs.setTimes(file, { sec: 0, nsec: 1e9 }))).toBe('EINVAL'));
    });
  });
});
