import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { oddPath, pathsBefore } from '../../src/stale/image-paths.ts';
import { isInternalName, isUnpackedLibrary, startsItselfFromMemory } from '../../src/stale/objects.ts';

const told = (path: string, given: readonly Bytes[] = []): string | undefined => {
  const odd = oddPath(toBytes(path), given);
  return odd && `${odd.by} ${odd.kind} ${odd.destination ?? '?'}`;
};

test('paths of images and build directories tell whose they are, and where the file belongs', () => {
  const paths: Readonly<Record<string, string | undefined>> = {
    '/var/tmp/portage/app-misc/it-1.2-r3/image/usr/bin/it': 'Portage image /usr/bin/it',
    '/mnt/build/portage/app-misc/it-1/temp/it': 'Portage build ?',
    '/var/tmp/paludis/build/app-misc-it-1/image/usr/bin/it': 'Paludis image /usr/bin/it',
    '/var/tmp/paludis/app-misc-it-1/temp/it': 'Paludis build ?',
    '/var/tmp/pkgcore/app-misc/it-1/image/usr/bin/it': 'Portage image /usr/bin/it',
    '/build/it-1/debian/it/usr/bin/it': 'dpkg image /usr/bin/it',
    '/var/lib/dpkg/tmp.ci/preinst': 'dpkg build ?',
    '/root/rpmbuild/BUILDROOT/it-1-1.x86_64/usr/bin/it': 'rpm image /usr/bin/it',
    '/root/rpmbuild/BUILD/it-1-build/BUILDROOT/usr/bin/it': 'rpm image /usr/bin/it',
    '/srv/me/it/pkg/it/usr/bin/it': 'pacman or apk image /usr/bin/it',
    '/destdir/it-1.0_1/usr/bin/it': 'xbps image /usr/bin/it',
    '/usr/bin/it': undefined,
    '/srv/me/go/pkg/mod/it': undefined,
    '/usr/share/debian/readme': undefined,
    '/srv/portage/image': undefined,
  };
  expect(Object.fromEntries(Object.keys(paths).map((path) => [path, told(path)]))).toEqual(paths);
});

test('staged names tell what they stand for', () => {
  const paths: Readonly<Record<string, string | undefined>> = {
    '/usr/bin/.it.emplace-abcdefgh-u1z': 'Emplace staged /usr/bin/it',
    '/usr/bin/.a\nb.emplace-abcdefgh-s0': 'Emplace staged /usr/bin/a\nb',
    [`/usr/bin/.${'n'.repeat(64)}.emplace-abcdefgh-s0`]: 'Emplace staged ?',
    '/usr/bin/it#new': 'Portage staged /usr/bin/it',
    '/usr/bin/it.dpkg-new': 'dpkg staged /usr/bin/it',
    '/usr/bin/it.dpkg-tmp': 'dpkg staged /usr/bin/it',
    '/usr/bin/it;5f3a1b2c': 'rpm staged /usr/bin/it',
    '/usr/bin/.apk.0123456789abcdef0123456789abcdef': 'apk staged ?',
    '/usr/bin/.pkgtemp.it.a1B2c3D4e5F6': 'pkg staged /usr/bin/it',
    '/usr/bin/.emplace-abcdefgh-s0': undefined,
    '/usr/bin/it.emplace-abcdefgh-s0': undefined,
    '/usr/bin/it;5': undefined,
  };
  expect(Object.fromEntries(Object.keys(paths).map((path) => [path, told(path)]))).toEqual(paths);
});

test('a given directory comes before all others, and only what is below it is of it', () => {
  const given = [ascii('/my/image/')];
  expect(told('/my/image/usr/bin/it', given)).toBe('a given directory image /usr/bin/it');
  expect(told('/my/image', given)).toBeUndefined();
  expect(told('/my/images/usr/bin/it', given)).toBeUndefined();
});

test('a name that was moved aside leads to the one it had, of the file or of a directory above', () => {
  expect(pathsBefore(ascii('/opt/app.old/bin/it~'))).toEqual(['/opt/app.old/bin/it', '/opt/app/bin/it~']);
  expect(pathsBefore(ascii('/opt/old/.old/it'))).toEqual([]);
});

test('memory is known by the names that the kernel gives it', () => {
  const names = [
    '/memfd:x (deleted)',
    '/SYSV0000abcd (deleted)',
    '/dev/zero (deleted)',
    '/[aio] (deleted)',
    '/anon_hugepage (deleted)',
    '/i915 (deleted)',
    '/drm mm object (deleted)',
    'anon_inode:[perf_event]',
  ];
  expect(names.filter((name) => !isInternalName(ascii(name)))).toEqual([]);
  const files = ['/dev/zeros', '/usr/memfd:x', '/SYSVx', '/srv/i915'];
  expect(files.filter((name) => isInternalName(ascii(name)))).toEqual([]);
  expect(startsItselfFromMemory(ascii('/memfd:runc_cloned:/proc/self/exe (deleted)'))).toBe(true);
  expect(startsItselfFromMemory(ascii('/memfd:it (deleted)'))).toBe(false);
  expect([isUnpackedLibrary(ascii('/tmp/ffiAb12Cd')), isUnpackedLibrary(ascii('/tmp/it.so'))]).toEqual([true, false]);
});
