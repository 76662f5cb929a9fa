import { aclValue } from '@emplace/fixtures';
import type { FsPort } from '@emplace/fsprobe';
import { ascii } from '@emplace/syscalls';
import { describe, expect } from '@jest/globals';
import { birthplace } from '../../src/strategy/birthplace.ts';
import { copyContent } from '../../src/strategy/content.ts';
import { makeEntry } from '../../src/strategy/make-entry.ts';
import { onBothPorts, type Scene } from './conformance.ts';

/** Copies three files of root's, one with an xattr, into the directory, and tells what each came to have. */
function copiesIn(s: Scene, directory: string): string[] {
  s.make('one=1', 'two=2', 'three=3');
  s.pinned('two', (file) => s.fs.setXattr(file, ascii('user.k'), Buffer.from('v')));
  return s.within(`${directory}/`, (dir) => {
    const place = birthplace(dir, s.fs);
    return ['one', 'two', 'three'].map((name) => {
      const source = { dir: s.dir, name: ascii(name) };
      makeEntry(source, s.stat(name), { dir, name: ascii(name), birthplace: place }, copyContent, s.fs);
      const { uid, gid, mode } = s.stat(`${directory}/${name}`);
      return `${uid}:${gid} ${mode.toString(8)} ${keysOf(s, `${directory}/${name}`).join()}`;
    });
  });
}

function keysOf(s: Scene, path: string): string[] {
  return s.pinned(path, (file) => [...s.fs.xattrs(file).keys()].filter((key) => !key.startsWith('security.')));
}

const asTheImage = ['0:0 644 ', '0:0 644 user.k', '0:0 644 '];

onBothPorts(({ scene, rootTest }) => {
  describe('copies in a directory have what the image says', () => {
    rootTest('and nothing that a plain directory could give', () => {
      using s = scene();
      s.make('d/');
      expect(copiesIn(s, 'd')).toEqual(asTheImage);
    });

    rootTest('not its group where it is setgid, the first copy and the others', () => {
      using s = scene();
      s.make('d/');
      s.pinned('d', (file) => s.fs.chown(file, 0, 1234));
      s.pinned('d', (file) => s.fs.chmod(file, 0o2755));
      expect(copiesIn(s, 'd')).toEqual(asTheImage);
    });

    rootTest('not its default ACL', () => {
      using s = scene();
      s.make('d/');
      const acl = aclValue({ owner: 7, group: 5, other: 5, mask: 7, users: { 1234: 7 } });
      s.pinned('d', (file) => s.fs.setXattr(file, ascii('system.posix_acl_default'), acl));
      expect(copiesIn(s, 'd')).toEqual(asTheImage);
    });

    rootTest('also where its owner hands on something else from one copy to the next', () => {
      using s = scene();
      s.make('d/', 'first=1', 'second=2');
      s.pinned('d', (file) => s.fs.chown(file, 1234, 1234));
      s.within('d/', (dir) => {
        const place = birthplace(dir, s.fs);
        const copy = (name: string, fs: FsPort) =>
          makeEntry(
            { dir: s.dir, name: ascii(name) },
            s.stat(name),
            { dir, name: ascii(name), birthplace: place },
            copyContent,
            fs,
          );
        copy('first', s.fs);
        s.pinned('d', (file) => s.fs.chmod(file, 0o2755));
        copy('second', s.fs);
      });
      expect([s.stat('d/first'), s.stat('d/second')].map(({ gid }) => gid)).toEqual([0, 0]);
    });
  });
});
