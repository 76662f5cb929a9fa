/**
 * A tree as a package of each peer, without compression: they unpack within the time that is measured, and Emplace does
 * not unpack. No scripts, no dependencies.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { temporaryDirectory } from '@emplace/fixtures';
import type { Format } from './place.ts';
import { copyTree } from './versions.ts';

/** What to build of a tree. */
export interface Packed {
  readonly tree: string;
  readonly name: string;
  readonly version: string;
  /** The file to make. */
  readonly file: (format: Format) => string;
}

export function buildPackages(packed: Packed): void {
  mkdirSync(dirname(packed.file('deb')), { recursive: true });
  buildDeb(packed);
  buildRpm(packed);
  buildPacman(packed);
}

function buildDeb({ tree, name, version, file }: Packed): void {
  using place = temporaryDirectory();
  copyTree(tree, place.at('tree'));
  const control = { Package: name, Version: version, Architecture: 'all', Maintainer: 'bench <bench@localhost>' };
  mkdirSync(place.at('tree/DEBIAN'));
  writeFileSync(place.at('tree/DEBIAN/control'), fields({ ...control, Description: 'a tree to measure with' }, ': '));
  run('dpkg-deb', ['--build', '-Znone', place.at('tree'), file('deb')]);
}

function buildPacman({ tree, name, version, file }: Packed): void {
  using place = temporaryDirectory();
  const info = { pkgname: name, pkgbase: name, pkgver: `${version}-1`, pkgdesc: 'a tree to measure with' };
  const more = { url: '-', builddate: '1700000000', packager: 'bench', size: '1', arch: 'any' };
  writeFileSync(place.at('.PKGINFO'), fields({ ...info, ...more }, ' = '));
  // As makepkg has it: what `pacman -Qkk` compares with.
  const keywords = '--options=!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link';
  run('bsdtar', ['-czf', place.at('.MTREE'), '--format=mtree', keywords, '-C', tree, '.']);
  // By names without `./`, as pacman wants them.
  const list = execFileSync('find', ['.', '-mindepth', '1', '-maxdepth', '1', '-printf', '%P\\n'], {
    cwd: tree,
    encoding: 'utf8',
  });
  const top = list.split('\n').filter(Boolean);
  const own = ['-C', place.path, '.PKGINFO', '.MTREE'];
  run('bsdtar', ['-cf', file('pacman'), '--format=pax', ...own, '-C', tree, ...top]);
}

/** What rpmbuild would do to the files of a distribution is switched off: the tree stays as it is. */
const RPM_MACROS: Readonly<Record<string, string>> = {
  _binary_payload: 'w.ufdio',
  __os_install_post: '%{nil}',
  _build_id_links: 'none',
  _binaries_in_noarch_packages_terminate_build: '0',
};

function buildRpm({ tree, name, version, file }: Packed): void {
  using place = temporaryDirectory();
  const head = { Name: name, Version: version, Release: '1', Summary: '-', License: '-', BuildArch: 'noarch' };
  const sections = `%description\n-\n%install\ncp -a ${tree}/. %{buildroot}\n%files\n/*\n`;
  writeFileSync(place.at('spec'), `${fields({ ...head, AutoReqProv: 'no' }, ': ')}${sections}`);
  const target = file('rpm');
  const macros = {
    ...RPM_MACROS,
    _topdir: place.path,
    _rpmdir: dirname(target),
    _rpmfilename: target.slice(dirname(target).length + 1),
  };
  const defines = Object.entries(macros).flatMap(([key, value]) => ['--define', `${key} ${value}`]);
  run('rpmbuild', ['-bb', '--quiet', ...defines, place.at('spec')]);
}

function fields(values: Readonly<Record<string, string>>, between: string): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}${between}${value}\n`)
    .join('');
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
