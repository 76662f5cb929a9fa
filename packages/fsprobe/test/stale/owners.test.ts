import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type OwnerFinder, ownerFinders } from '../../src/index.ts';
import { LineReader } from '../../src/stale/owners/read-lines.ts';

function put(place: TemporaryDirectory, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(place.at(name)), { recursive: true });
    writeFileSync(place.at(name), content, 'latin1');
  }
}

function finder(name: string): OwnerFinder {
  const found = ownerFinders.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no finder is called ${name}`);
  return found;
}

/** The owners of some paths below a root, as an object. */
function owners(name: string, root: string, ...paths: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(finder(name).ownersOf(new Set(paths as Bytes[]), toBytes(root)));
}

const dpkg = (place: TemporaryDirectory, ...paths: readonly string[]): Record<string, readonly string[]> =>
  owners('dpkg', place.path, ...paths);

function stanza(name: string, version: string, architecture = 'amd64', status = 'install ok installed'): string {
  return `Package: ${name}\nStatus: ${status}\nPriority: optional\nArchitecture: ${architecture}\nVersion: ${version}\nDescription: x\n Version: 9\n\n`;
}

/** A Debian with `/bin`, `/sbin` and `/lib` merged into `/usr`, of which some packages do not know yet. */
function debian(place: TemporaryDirectory): void {
  put(place, {
    'usr/bin/ls': '',
    'usr/lib/x86_64-linux-gnu/libc.so.6': '',
    'var/lib/dpkg/status': [
      stanza('coreutils', '9.1-1'),
      stanza('libc6', '2.36-9+deb12u9'),
      stanza('libc6', '2.36-9+deb12u8', 'i386'),
      stanza('zlib', '1', 'amd64', 'deinstall ok config-files'),
      stanza('wine32', '8.0', 'i386'),
      stanza('tzdata', '2024a', 'all'),
      stanza('dash', '0.5'),
      stanza('diverter', '2:1.0~rc1-1'),
    ].join(''),
    'var/lib/dpkg/arch': 'amd64\ni386\n',
    'var/lib/dpkg/info/coreutils.list': '/.\n/bin\n/bin/ls\n/usr\n/usr/bin\n/usr/bin/env\n',
    'var/lib/dpkg/info/libc6:amd64.list': '/.\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/libc6\n',
    'var/lib/dpkg/info/libc6:i386.list': '/.\n/lib/i386-linux-gnu/libc.so.6\n/usr/share/doc/libc6\n',
    'var/lib/dpkg/info/zlib.list': '/etc/zlib.conf\n',
    'var/lib/dpkg/info/wine32.list': '/usr/lib/wine/wine\n',
    'var/lib/dpkg/info/tzdata.list': '/usr/share/zoneinfo/UTC\n/usr/share/odd\xff name',
    'var/lib/dpkg/info/dash.list': '/bin/dash\n/bin/sh\n',
    'var/lib/dpkg/info/diverter.list': '/bin/ls\n/usr/bin/tool\n',
    'var/lib/dpkg/info/other.list': '/usr/bin/tool\n',
    'var/lib/dpkg/info/ls.md5sums': '/usr/bin/ls\n',
    'var/lib/dpkg/info/Bad Name.list': '/usr/bin/env\n',
  });
  for (const merged of ['bin', 'lib']) symlinkSync(`usr/${merged}`, place.at(merged));
}

describe('dpkg', () => {
  toolTest('dpkg-query', 'names whom dpkg -S names, for every file of /usr/bin and of the libraries', () => {
    const directories = [
      '/usr/bin',
      '/usr/sbin',
      ...execFileSync('sh', ['-c', 'echo /usr/lib/*-linux-gnu'], { encoding: 'utf8' }).trim().split(' '),
    ];
    const paths = directories.flatMap((directory) =>
      readdirSync(directory, 'latin1').map((name) => join(directory, name)),
    );
    expect(paths.length).toBeGreaterThan(500);
    const expected = dpkgSearch(paths);
    expect(Object.keys(expected).length).toBeGreaterThan(paths.length / 2);
    expect(owners('dpkg', '/', ...paths)).toEqual(expected);
  });

  test('finds a path in whichever way it was packaged', () => {
    using place = temporaryDirectory();
    debian(place);
    expect(dpkg(place, '/usr/bin/env', '/usr/lib/x86_64-linux-gnu/libc.so.6', '/bin/env', '/usr/bin/dash')).toEqual({
      '/usr/bin/env': ['coreutils 9.1-1'],
      '/bin/env': ['coreutils 9.1-1'],
      '/usr/lib/x86_64-linux-gnu/libc.so.6': ['libc6:amd64 2.36-9+deb12u9'],
      '/usr/bin/dash': ['dash 0.5'],
    });
    // Nothing is there; the same name elsewhere; a part of a path; a file of another database.
    expect(dpkg(place, '/usr/bin/no', '/opt/ls', '/ls', '/bin/env/', '/', '', 'ls')).toEqual({});
  });

  test('tells architectures apart, and leaves the version out of what is only configuration', () => {
    using place = temporaryDirectory();
    debian(place);
    const [doc, odd] = ['/usr/share/doc/libc6', '/usr/share/odd\xff name'];
    expect(dpkg(place, doc, '/usr/lib/wine/wine', '/etc/zlib.conf', odd, '/usr/share/zoneinfo/UTC')).toEqual({
      [doc]: ['libc6:amd64 2.36-9+deb12u9', 'libc6:i386 2.36-9+deb12u8'],
      '/usr/lib/wine/wine': ['wine32:i386 8.0'],
      '/etc/zlib.conf': ['zlib'],
      [odd]: ['tzdata 2024a'],
      '/usr/share/zoneinfo/UTC': ['tzdata 2024a'],
    });
  });

  test('gives what was diverted to whom it is from', () => {
    using place = temporaryDirectory();
    debian(place);
    put(place, {
      'var/lib/dpkg/diversions': '/bin/ls\n/bin/ls.real\ndiverter\n/usr/bin/tool\n/usr/bin/tool.local\n:\n/bin/env\n',
    });
    const here = dpkg(place, '/usr/bin/ls', '/usr/bin/ls.real', '/usr/bin/tool', '/usr/bin/tool.local', '/usr/bin/sh');
    expect(here).toEqual({
      '/usr/bin/ls': ['diverter 2:1.0~rc1-1'],
      '/usr/bin/ls.real': ['coreutils 9.1-1'],
      '/usr/bin/tool.local': ['diverter 2:1.0~rc1-1', 'other'],
      '/usr/bin/sh': ['dash 0.5'],
    });
  });

  test('follows no symlink out of the root, and waits for nothing', () => {
    using outside = temporaryDirectory();
    using place = temporaryDirectory();
    debian(outside);
    mkdirSync(place.at('var/lib'), { recursive: true });
    symlinkSync(outside.at('var/lib/dpkg'), place.at('var/lib/dpkg'));
    expect(dpkg(outside, '/bin/dash')).toEqual({ '/bin/dash': ['dash 0.5'] });
    expect(dpkg(place, '/bin/dash')).toEqual({});

    using inside = temporaryDirectory();
    debian(inside);
    execFileSync('mv', [inside.at('var/lib/dpkg'), inside.at('var/lib/elsewhere')]);
    symlinkSync('/var/lib/elsewhere', inside.at('var/lib/dpkg'));
    const info = 'var/lib/elsewhere/info';
    const list = outside.at('var/lib/dpkg/info/dash.list');
    symlinkSync(list, inside.at(`${info}/link.list`));
    symlinkSync(relative(inside.at(info), list), inside.at(`${info}/relative.list`));
    symlinkSync('../../../../../../../../../../../../etc/passwd', inside.at(`${info}/passwd.list`));
    execFileSync('mkfifo', [inside.at(`${info}/fifo.list`), inside.at(`${info}/filled.list`)]);
    const filled = openSync(inside.at(`${info}/filled.list`), 'r+');
    writeSync(filled, '/bin/dash\n');
    mkdirSync(inside.at(`${info}/directory.list`));
    // As of a link in the root, the database is found; what is odd in it is passed over.
    expect(dpkg(inside, '/bin/dash')).toEqual({ '/bin/dash': ['dash 0.5'] });
    closeSync(filled);
  });

  test('has no owners where there is no database, or none that is to be read', () => {
    using place = temporaryDirectory();
    expect(dpkg(place, '/bin/sh')).toEqual({});
    expect(owners('dpkg', place.at('gone'), '/bin/sh')).toEqual({});
    put(place, { 'var/lib/dpkg/info': 'no directory' });
    expect(dpkg(place, '/bin/sh')).toEqual({});
  });
});

test('pacman’s packages are found', () => {
  using place = temporaryDirectory();
  const local = 'var/lib/pacman/local';
  put(place, {
    [`${local}/ALPM_DB_VERSION`]: '9\n',
    [`${local}/bash-5.2.037-1/desc`]: '%NAME%\nbash\n\n%VERSION%\n5.2.037-1\n',
    [`${local}/bash-5.2.037-1/files`]:
      '%FILES%\nusr/\nusr/bin/\nusr/bin/bash\nusr/bin/sh\n\n%BACKUP%\netc/bash.bashrc\t026c\nusr/bin/no\n',
    [`${local}/gcc-libs-14.2.1+r134-1/files`]: '%FILES%\nusr/\nusr/lib/\nusr/lib/libstdc++.so.6\nusr/share/gcc/\n',
    [`${local}/lib32-x-2:1.0-3.1/files`]: '%FILES%\nusr/lib/\nusr/lib/\xfflib\n',
    [`${local}/noversion/files`]: '%FILES%\nusr/bin/bash\n',
    'usr/lib/x': '',
  });
  symlinkSync('usr/lib', place.at('lib64'));
  const paths = [
    '/usr/bin/bash',
    '/lib64/libstdc++.so.6',
    '/usr/share/gcc',
    '/usr/lib/\xfflib',
    '/usr/bin/no',
    '/usr/lib',
  ];
  expect(owners('pacman', place.path, ...paths)).toEqual({
    '/usr/bin/bash': ['bash 5.2.037-1'],
    '/lib64/libstdc++.so.6': ['gcc-libs 14.2.1+r134-1'],
    '/usr/share/gcc': ['gcc-libs 14.2.1+r134-1'],
    '/usr/lib/\xfflib': ['lib32-x 2:1.0-3.1'],
    '/usr/lib': ['gcc-libs 14.2.1+r134-1', 'lib32-x 2:1.0-3.1'],
  });
});

test('apk’s packages are found, wherever its database lies', () => {
  const text = [
    'C:Q1pnZbmUfNBzWHGXVaIrEVZcVyb3c=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\nD:so:x\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x\nR:libc.musl-x86_64.so.1\na:0:0:777\n',
    'P:busybox\nV:1.36.1-r29\nF:\nR:top\nF:bin\nM:0:0:755\nR:busybox\na:0:0:755\nR:\xff\nF:etc/network\n',
    'V:1\nF:bin\nR:nobody\n',
  ].join('\n');
  for (const database of ['lib/apk/db/installed', 'usr/lib/apk/db/installed']) {
    using place = temporaryDirectory();
    put(place, { [database]: text, 'usr/bin/x': '' });
    symlinkSync('usr/bin', place.at('bin'));
    const paths = [
      '/lib/libc.musl-x86_64.so.1',
      '/usr/bin/busybox',
      '/top',
      '/bin/\xff',
      '/etc/network',
      '/bin/nobody',
    ];
    expect(owners('apk', place.path, ...paths)).toEqual({
      '/lib/libc.musl-x86_64.so.1': ['musl 1.2.5-r0'],
      '/usr/bin/busybox': ['busybox 1.36.1-r29'],
      '/top': ['busybox 1.36.1-r29'],
      '/bin/\xff': ['busybox 1.36.1-r29'],
      '/etc/network': ['busybox 1.36.1-r29'],
    });
  }
});

describe('long lists', () => {
  test('are read to their last line, whatever the pieces they come in', () => {
    using place = temporaryDirectory();
    const paths = Array.from({ length: 6000 }, (_, i) => `/usr/share/${'x'.repeat((i * 37) % 251)}/${i}`);
    put(place, { 'var/lib/dpkg/info/big.list': paths.join('\n') });
    expect(Object.keys(dpkg(place, ...paths))).toEqual(paths);
  });

  test('cost no more than a limit, and lines beyond reason are passed over', () => {
    using place = temporaryDirectory();
    const long = '/y'.repeat(300_000);
    put(place, { file: `first\n${long}\nsecond`, sparse: 'first\n' });
    truncateSync(place.at('sparse'), 2 ** 40);
    const read = (name: string, bytesMax: number, untilMs = Number.POSITIVE_INFINITY): string[] => {
      const lines: string[] = [];
      const fd = openSync(place.at(name), 'r');
      new LineReader(untilMs, bytesMax).visit(fd, (buffer, start, end) => {
        expect(end - start).toBeLessThan(2 ** 19);
        lines.push(buffer.latin1Slice(start, end).slice(0, 10));
      });
      closeSync(fd);
      return lines;
    };
    expect(read('file', 2 ** 20)).toEqual(['first', 'second']);
    expect(read('file', 8)).toEqual(['first']);
    expect(read('file', 2 ** 20, performance.now())).toEqual([]);
    expect(read('sparse', 2 ** 20)).toEqual(['first']);
  });
});

/**
 * What dpkg itself says: `dpkg-query -S` knows each path only as it was packaged, and names diversions beside it.
 * Here `/usr/bin/x` is asked for as `/bin/x` too.
 */
function dpkgSearch(paths: readonly string[]): Record<string, readonly string[]> {
  const versions = new Map(
    lines('dpkg-query', ['-W', '-f', `\${binary:Package} \${Version}\n`]).map(
      (line) => line.split(' ') as [string, string],
    ),
  );
  const packaged = (path: string): string[] => [path, path.replace(/^\/usr(?=\/(?:bin|sbin|lib)\/)/, '')];
  const pattern = (path: string): string => path.replace(/[[*?\\]/g, '\\$&');
  const answer = lines('dpkg-query', ['-S', ...paths.flatMap(packaged).map(pattern)]);
  const owner = new Map<string, string[]>();
  const diverted = new Map<string, { by: string; from: string }>();
  let from = '';
  for (const line of answer) {
    const [, by, way, path] = /^(?:diversion by (\S+)|local diversion) (from|to): (.*)$/.exec(line) ?? [];
    if (way === 'from') from = path ?? '';
    else if (way === 'to') diverted.set(path ?? '', { by: by ?? ':', from });
    else {
      const [, names = '', listed = ''] = /^(.*?): (.*)$/.exec(line) ?? [];
      owner.set(listed, names.split(', '));
    }
  }
  const base = (name: string): string => name.replace(/:.*/, '');
  const result: Record<string, readonly string[]> = {};
  for (const path of paths) {
    const found = new Set<string>();
    for (const one of packaged(path)) {
      const away = [...diverted.values()].find((diversion) => diversion.from === one);
      for (const name of owner.get(one) ?? []) if (away === undefined || away.by === base(name)) found.add(name);
      const here = diverted.get(one);
      for (const name of (here && owner.get(here.from)) ?? []) if (here?.by !== base(name)) found.add(name);
    }
    if (found.size > 0) result[path] = [...found].map((name) => `${name} ${versions.get(name)}`).sort();
  }
  return result;
}

/** dpkg-query ends with 1 when one of many paths has no owner. */
function lines(command: string, args: readonly string[]): string[] {
  const { stdout } = spawnSync(command, args, {
    encoding: 'latin1',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 2 ** 26,
  });
  return stdout.split('\n').filter((line) => line !== '');
}
