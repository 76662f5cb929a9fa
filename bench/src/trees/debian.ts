/** Real trees: what packages of Debian hold, of many kinds of software. 21,000 files of 0 to 25 MB, 420 MB in all. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Without versions in their names, so that other releases of Debian have them too. The tree differs a little then. */
const PACKAGES = [
  'bash',
  'cmake-data',
  'coreutils',
  'gimp-data',
  'git',
  'iso-codes',
  'libc6-dev',
  'manpages',
  'manpages-dev',
  'openssl',
  'python3-numpy',
  'python3-pandas',
  'python3-scipy',
  'python3-sympy',
  'qt6-base-dev',
  'vim-runtime',
];

/** Downloads the packages and unpacks them one over the other. @param top must not be there yet */
export function unpackDebian(downloads: string, top: string): void {
  mkdirSync(downloads, { recursive: true });
  const there = new Set(readdirSync(downloads).map((name) => name.split('_')[0]));
  const missing = PACKAGES.filter((name) => !there.has(name));
  if (missing.length > 0) {
    execFileSync('apt-get', ['download', '-qq', ...missing], {
      cwd: downloads,
      stdio: ['ignore', 'inherit', 'ignore'],
    });
  }
  mkdirSync(top);
  for (const name of readdirSync(downloads)) execFileSync('dpkg-deb', ['-x', join(downloads, name), top]);
}
