/** Two versions of a package with one entry for each decision that a merge takes: so few that each call of it can be made to fail. */
import { directory, fifo, file, hardLink, symlink, type TreeEntry } from '@emplace/fixtures';

const SAME = { sec: 1_500_000_000, nsec: 7 };

export function smallVersion(version: 1 | 2): TreeEntry[] {
  const mtime = { sec: 1_600_000_000 + version, nsec: version };
  const [turnedFile, turnedDirectory] = version === 1 ? ['turned-a', 'turned-b'] : ['turned-b', 'turned-a'];
  return [
    ...['etc', 'lib', 'usr', 'usr/bin', 'usr/lib', 'usr/share', 'usr/share/both'].map((path) =>
      directory(path, { mtime: SAME }),
    ),
    file('usr/bin/app', `program ${version}`, { mode: 0o755, mtime }),
    file('usr/bin/su', `su ${version}`, { mode: 0o4755, mtime }),
    hardLink('usr/bin/su-alias', 'usr/bin/su'),
    file(`lib/libapp.so.${version}`, `library ${version}`, { mode: 0o755, mtime }),
    symlink('lib/libapp.so', `libapp.so.${version}`, { mtime }),
    file('usr/share/both/same', 'the same', { mtime: SAME }),
    file('usr/share/both/data', `data ${version}`, { mtime, xattrs: { 'user.version': Buffer.from(`${version}`) } }),
    file(Buffer.from('usr/share/na\xefve name', 'latin1'), `latin-1 ${version}`, { mtime }),
    file('etc/edited', `edited ${version}`, { mtime }),
    file('etc/plain', `plain ${version}`, { mtime, uid: 7, gid: 8 }),
    file(`usr/share/${turnedFile}`, 'a file', { mtime }),
    directory(`usr/share/${turnedDirectory}`, { mtime: SAME }),
    file(`usr/share/${turnedDirectory}/inside`, 'in a directory', { mtime }),
    ...(version === 1 ? onlyInFirst(mtime) : onlyInSecond(mtime)),
  ];
}

/** For who cannot put an entry of one type in the place of another. */
export function sameTypes(version: 1 | 2): TreeEntry[] {
  return smallVersion(version).filter(({ path }) => !/\/(turned-|kind$)/.test(path));
}

function onlyInFirst(mtime: typeof SAME): TreeEntry[] {
  return [
    fifo('usr/share/kind', { mtime }),
    directory('usr/share/gone', { mtime: SAME }),
    file('usr/share/gone/x', 'x', { mtime }),
    file('etc/obsolete-edited', 'obsolete', { mtime }),
    hardLink('usr/share/gone/link to x', 'usr/share/gone/x'),
  ];
}

function onlyInSecond(mtime: typeof SAME): TreeEntry[] {
  return [
    symlink('usr/share/kind', 'both', { mtime }),
    directory('usr/share/come', { mtime: SAME }),
    file('usr/share/come/x', 'x', { mtime }),
    file('etc/added', 'added', { mtime }),
  ];
}
