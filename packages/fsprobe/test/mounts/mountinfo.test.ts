import { readFileSync } from 'node:fs';
import { ascii, makedev, toBuffer, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Mount, parseMountinfo } from '../../src/index.ts';

/** The text of fixtures/mountinfo/NAME.txt. */
function captured(name: string): Buffer {
  return readFileSync(new URL(`../../../../fixtures/mountinfo/${name}.txt`, import.meta.url));
}

/** The mounts of a fixture by id; every line of it is understood. */
function mountsOf(name: string): Map<number, Mount> {
  const { mounts, unparsed } = parseMountinfo(captured(name));
  expect(unparsed).toEqual([]);
  return new Map(mounts.map((mount) => [mount.id, mount]));
}

const plain = {
  root: '/',
  rootDeleted: false,
  options: ['rw', 'relatime'],
  optional: [],
  subtype: undefined,
  superOptions: ['rw'],
};

describe('what kernels wrote', () => {
  test('of bind mounts: what is shown, options of the mount apart from those of the file system', () => {
    const mounts = mountsOf('binds');
    const bind = { ...plain, parent: 107, dev: makedev(7, 1), type: 'ext4', source: '/dev/loop1' };
    const tmpfs = { ...plain, parent: 107, type: 'tmpfs', source: 'one' };
    const one = { ...tmpfs, dev: makedev(0, 41) };
    expect([...mounts.values()]).toEqual([
      {
        ...{ ...plain, id: 107, parent: 65, dev: makedev(0, 39), point: '/', type: 'tmpfs', source: 'capture' },
        superOptions: ['rw', 'mode=755'],
      },
      { ...bind, id: 108, point: '/store' },
      { ...bind, id: 109, root: '/pkg', point: '/srv/dir' },
      { ...bind, id: 110, root: '/hosts', point: '/etc/hosts' },
      { ...bind, id: 111, root: '/pkg/lib', point: '/ro', options: ['ro', 'relatime'] },
      { ...bind, id: 112, point: '/locked', options: ['rw', 'nosuid', 'nodev', 'noexec', 'relatime'] },
      { ...bind, id: 113, root: '/lost', rootDeleted: true, point: '/gone' },
      { ...bind, id: 114, root: '/gone', rootDeleted: true, point: '/etc/gone' },
      { ...one, id: 115, point: '/shared', optional: ['shared:1'] },
      { ...one, id: 116, point: '/slave', optional: ['master:1'] },
      { ...one, id: 117, point: '/both', optional: ['shared:2', 'master:1'] },
      { ...tmpfs, id: 118, dev: makedev(0, 42), point: '/unbindable', optional: ['unbindable'] },
      { ...tmpfs, id: 119, dev: makedev(0, 43), point: '/nosource', source: '' },
    ]);
  });

  test('of btrfs: one device for all subvolumes, the subvolume as root', () => {
    const mounts = [...mountsOf('btrfs').values()].slice(1);
    expect(mounts.map(({ root, point, superOptions }) => [point, root, superOptions.at(-1)])).toEqual([
      ['/top', '/', 'subvol=/'],
      ['/root', '/@', 'subvol=/@'],
      ['/home', '/@home', 'subvol=/@home'],
      ['/part', '/@/etc', 'subvol=/@'],
      ['/odd', '/a,b c', 'subvol=/a,b c'],
      ['/nested', '/@/nested', 'subvol=/@/nested'],
    ]);
    expect(new Set(mounts.map(({ dev }) => dev))).toEqual(new Set([makedev(0, 52)]));
    expect(mounts[2]?.options).toEqual(['rw', 'noexec', 'relatime']);
  });

  test('of overlay: read-only may be said of the file system alone', () => {
    expect([...mountsOf('overlay').values()].slice(1)).toMatchObject([
      {
        point: '/merged',
        type: 'overlay',
        source: 'overlay',
        superOptions: expect.arrayContaining(['upperdir=upper']),
      },
      {
        point: '/readonly',
        options: ['rw', 'relatime'],
        superOptions: ['ro', 'lowerdir=lower1:lower2', 'redirect_dir=on'],
      },
      { point: '/merged/sub', parent: 124 },
    ]);
  });

  test('of mounts over mounts: each has the covered one as its parent', () => {
    const told = [...mountsOf('over-mounted').values()].map(({ id, parent, point, source }) => [
      id,
      parent,
      point,
      source,
    ]);
    expect(told).toEqual([
      [136, 65, '/', 'capture'],
      [137, 136, '/a', 'first'],
      [138, 137, '/a/b', 'below'],
      [139, 137, '/a', 'second'],
      [140, 136, '/twice', 'one'],
      [141, 140, '/twice', 'two'],
      [142, 141, '/twice', 'three'],
    ]);
  });

  test('of odd names: every byte as it is on disk, in mount point, source and root', () => {
    const names = ['a space', 'new\nline', 'tab\there', 'back\\slash', 'hash#tag', '\xff\xfe\x80', 'caf\xc3\xa0'];
    names.push('x (deleted)', '\\040', '-', 'a,b=c', 'esc\x1b[31m', 'cr\rhere');
    const mounts = [...mountsOf('odd-names').values()].slice(1);
    const expected = names.flatMap((name, i) => [
      { root: '/', point: `/${name}`, source: name, rootDeleted: false },
      { root: `/${name}`, point: `/bind${i}`, source: name, rootDeleted: false },
    ]);
    expect(mounts.map(({ root, point, source, rootDeleted }) => ({ root, point, source, rootDeleted }))).toEqual(
      expected,
    );
  });

  test('inside a podman container: FUSE with its subtype, single files bound', () => {
    const mounts = mountsOf('podman-rootless');
    expect(mounts.size).toBe(13);
    expect(mounts.get(1088)).toEqual({
      ...{ ...plain, id: 1088, parent: 875, dev: makedev(0, 118), point: '/', options: ['rw', 'noatime'] },
      ...{ type: 'fuse', subtype: 'fuse-overlayfs', source: 'fuse-overlayfs' },
      superOptions: ['rw', 'user_id=0', 'group_id=0', 'default_permissions', 'allow_other'],
    });
    expect(mounts.get(1099)).toMatchObject({
      root: expect.stringMatching(/^\/containers\/overlay-containers\/1a2d\w+\/userdata\/resolv\.conf$/),
      point: '/etc/resolv.conf',
      options: ['rw', 'nosuid', 'nodev', 'relatime'],
    });
  });

  test('inside a pod: overlay, cgroups, and files of /proc that are covered', () => {
    const mounts = mountsOf('kubernetes-containerd');
    expect(mounts.size).toBe(11);
    expect(mounts.get(1517)).toMatchObject({ parent: 1428, type: 'overlay', optional: ['master:510'] });
    expect(mounts.get(1437)).toMatchObject({ root: '/null', point: '/proc/kcore', type: 'tmpfs' });
    expect(mounts.get(1524)?.superOptions.at(-1)).toBe('name=systemd');
  });

  test('on a host with autofs, docker and cifs, which escapes nothing', () => {
    const mounts = mountsOf('fedora-docker-autofs');
    expect(mounts.size).toBe(7);
    expect(mounts.get(36)).toMatchObject({ type: 'autofs', source: 'systemd-1', point: '/proc/sys/fs/binfmt_misc' });
    expect(mounts.get(121)).toMatchObject({ type: 'fuse', subtype: 'gvfsd-fuse' });
    expect(mounts.get(31)).toMatchObject({ source: '//foo/BLA BLA BLA/', optional: [] });
    expect(mounts.get(31)?.superOptions.slice(2, 5)).toEqual([
      'cache=loose',
      'unc=\\\\foo\\BLA BLA BLA',
      'username=my_login',
    ]);
  });

  test('on a host without optional fields', () => {
    const mounts = mountsOf('rhel-autofs');
    expect(mounts.size).toBe(7);
    expect(mounts.get(58)).toMatchObject({
      parent: 21,
      optional: [],
      type: 'autofs',
      source: '-hosts',
      point: '/autofshost',
    });
  });

  test('in the namespace of a snap: squashfs on loop devices', () => {
    const mounts = mountsOf('snap');
    expect(mounts.size).toBe(7);
    expect(mounts.get(737)).toEqual({
      ...{ ...plain, id: 737, parent: 704, dev: makedev(7, 0), point: '/var/lib/snapd/hostfs/snap/skype/57' },
      ...{ options: ['ro', 'nodev', 'relatime'], optional: ['master:32'] },
      ...{ type: 'squashfs', source: '/dev/loop0', superOptions: ['ro'] },
    });
    expect(mounts.get(712)).toMatchObject({ root: '/snapd/ns', optional: [] });
  });
});

describe('a line', () => {
  const good = '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n';

  test('with optional fields that are not known yet keeps them', () => {
    const { mounts } = parseMountinfo(ascii(good.replace('master:1', 'master:1 propagate_from:3 later:x flag')));
    expect(mounts).toMatchObject([{ optional: ['master:1', 'propagate_from:3', 'later:x', 'flag'], type: 'ext3' }]);
  });

  test('whose source is a hyphen ends its optional fields at the first hyphen', () => {
    const { mounts } = parseMountinfo(ascii('36 35 98:0 / /m rw - tmpfs - rw,x - ext4 y rw\n'));
    expect(mounts).toMatchObject([{ optional: [], type: 'tmpfs', source: '-', superOptions: ['rw', 'x - ext4 y rw'] }]);
  });

  test('that shows a name space has no path as root', () => {
    const { mounts } = parseMountinfo(ascii('510 27 0:3 net:[4026531993] /run/netns/a rw shared:255 - nsfs nsfs rw\n'));
    expect(mounts).toMatchObject([{ root: 'net:[4026531993]', type: 'nsfs' }]);
  });

  test.each([
    ['no hyphen', good.replace(' - ', ' ')],
    ['no source and no space for it', '36 35 98:0 / /m rw - tmpfs rw\n'],
    ['two spaces', good.replace('36 35', '36  35')],
    ['no device', good.replace('98:0', '98')],
    ['a mount point that is not absolute', good.replace(' /mnt2', ' mnt2')],
    ['options that say neither ro nor rw', good.replace('rw,noatime', 'noatime')],
    ['nothing', '\n'],
  ])('with %s is handed back as it came, and costs no other line', (_, line) => {
    const { mounts, unparsed } = parseMountinfo(ascii(`${good}${line}${good}`));
    expect(unparsed).toEqual([line.slice(0, -1)]);
    expect(mounts.map(({ point }) => point)).toEqual(['/mnt2', '/mnt2']);
  });
});

test('a text that is cut anywhere yields the mounts of its whole lines and no other', () => {
  const text = captured('binds');
  const { mounts } = parseMountinfo(text);
  for (let length = 0; length <= text.length; length++) {
    const cut = parseMountinfo(text.subarray(0, length));
    expect(cut.mounts).toEqual(mounts.slice(0, cut.mounts.length));
    expect(cut.mounts).toHaveLength(text.subarray(0, length).toString().split('\n').length - 1);
  }
});

/** As the kernel's mangle() in fs/proc_namespace.c does. */
function escaped(name: Buffer): string {
  const octal = (unit: string): string => `\\${unit.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return name.toString('latin1').replace(/[ \t\n\\#]/g, octal);
}

test('any name comes back byte for byte from how the kernel escapes it', () => {
  const byte = fc.oneof(fc.constantFrom(...Buffer.from(' \t\n\\#0123/-:')), fc.integer({ min: 1, max: 255 }));
  const name = fc.array(byte, { minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(name, name, name, (root, point, source) => {
      const line = `1 2 3:4 /${escaped(root)} /${escaped(point)} rw - tmpfs ${escaped(source)} rw\n`;
      const { mounts, unparsed } = parseMountinfo(toBytes(Buffer.from(line, 'latin1')));
      expect(unparsed).toEqual([]);
      const found = mounts.map((mount) => [mount.root, mount.point, mount.source].map((part) => toBuffer(part)));
      const slash = Buffer.from('/');
      // Two slashes before the word are no name, and mean what they say.
      const shown = root.toString('latin1').endsWith('//deleted') ? root.subarray(0, -9) : root;
      expect(found).toEqual([[Buffer.concat([slash, shown]), Buffer.concat([slash, point]), source]]);
    }),
  );
});
