/** Two versions of a package of some hundred entries, and a root in which the first is installed and an administrator has been at work. */
import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import {
  directory,
  type EntrySnapshot,
  fifo,
  file,
  hardLink,
  randomOf,
  symlink,
  type TreeEntry,
  type TreeSnapshot,
  writeTree,
} from '@emplace/fixtures';
import { mergeSync, type PackageOptions } from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';

const SEED = 20_261_121;

/** What the package manager asks for: the same for both versions. */
export function ledgerOf(root: string, version: 1 | 2): PackageOptions {
  return {
    package: `app-misc/app-${version}`,
    vdb: `${root}/var/db/pkg`,
    buildInfo: `${root}-build-info`,
    configProtect: ['/etc'],
  };
}

/** Added, removed, changed and kept files, directories and symlinks; type changes; configuration; hard links; setuid; names that are not UTF-8. */
export function versionEntries(version: 1 | 2): TreeEntry[] {
  const time = { sec: 1_600_000_000 + version, nsec: version };
  const same = { sec: 1_500_000_000, nsec: 7 };
  const random = randomOf(SEED);
  const entries: TreeEntry[] = [];
  for (const top of ['etc', 'lib', 'usr', 'usr/bin', 'usr/lib', 'usr/share', 'usr/share/both'])
    entries.push(directory(top, { mtime: same }));
  for (let n = 0; n < 240; n++) {
    const place = random.pick(['usr/share/both', `usr/share/${n % 12}`, 'usr/lib', 'lib']);
    const [isIn1, isIn2] = [random.chance(0.8), random.chance(0.8)];
    if (!(version === 1 ? isIn1 : isIn2)) continue;
    const changes = random.chance(0.5);
    const content = changes ? `${n} in ${version}` : `${n}`;
    entries.push(file(`${place}/file ${n}`, content.repeat(n), { mtime: changes ? time : same }));
    if (n % 10 === 0) entries.push(symlink(`${place}/link ${n}`, `file ${changes ? version : 0}`, { mtime: time }));
  }
  entries.push(
    file('usr/bin/app', `program ${version}`, { mode: 0o755, mtime: time }),
    file('usr/bin/su', `su ${version}`, { mode: 0o4755, mtime: time }),
    hardLink('usr/bin/su-alias', 'usr/bin/su'),
    file('usr/share/pair-a', `pair ${version}`, { mtime: time }),
    hardLink('usr/share/pair-b', 'usr/share/pair-a'),
    file(Buffer.from('usr/share/na\xefve name', 'latin1'), `latin-1 ${version}`, { mtime: time }),
    file(`etc/plain`, `plain ${version}`, { mtime: time }),
    file(`etc/edited`, `edited ${version}`, { mtime: time }),
    file('etc/same', 'same', { mtime: same }),
  );
  const [file1, file2] = version === 1 ? ['turned-a', 'turned-b'] : ['turned-b', 'turned-a'];
  entries.push(
    file(`usr/share/${file1}`, 'a file', { mtime: time }),
    directory(`usr/share/${file2}`, { mtime: same }),
    file(`usr/share/${file2}/inside`, 'in a directory', { mtime: time }),
    version === 1 ? fifo('usr/share/kind', { mtime: time }) : symlink('usr/share/kind', 'both', { mtime: time }),
  );
  if (version === 1) {
    entries.push(
      directory('usr/share/gone/deep', { mtime: same }),
      file('usr/share/gone/deep/x', 'x', { mtime: time }),
      file('etc/obsolete', 'obsolete', { mtime: time }),
      file('etc/obsolete-edited', 'obsolete', { mtime: time }),
      hardLink('usr/share/pair-c', 'usr/share/pair-a'),
    );
  } else {
    entries.push(
      directory('usr/share/come/deep', { mtime: same }),
      file('usr/share/come/deep/x', 'x', { mtime: time }),
      file('etc/added', 'added', { mtime: time }),
    );
  }
  return entries;
}

/**
 * Makes `PLACE/root` with version 1 in it, `PLACE/image` with version 2, and the build info of both.
 * @param entriesOf what each version has, `etc/edited` and `etc/obsolete-edited` among it
 */
export function installFirst(place: string, entriesOf: (version: 1 | 2) => TreeEntry[] = versionEntries): void {
  const [root, image] = [`${place}/root`, `${place}/image`];
  for (const path of ['var/cache/edb', 'var/db/pkg/app-misc', 'var/lib/portage', 'usr/lib', 'usr/share/both', 'etc'])
    mkdirSync(`${root}/${path}`, { recursive: true });
  mkdirSync(image);
  mkdirSync(`${root}-build-info`);
  writeFileSync(`${root}-build-info/SLOT`, '0\n');
  writeFileSync(`${root}-build-info/EAPI`, '8\n');
  symlinkSync('usr/lib', `${root}/lib`);
  // Whoever locked left them, and they stay.
  writeFileSync(`${root}/var/db/.pkg.portage_lockfile`, '');
  writeFileSync(`${root}/var/db/pkg/app-misc/.app:0.portage_lockfile`, '');
  writeFileSync(`${root}/var/cache/edb/counter`, '41');
  writeTree(image, entriesOf(1));
  mergeSync({ root, image, sync: 'none', ledger: ledgerOf(root, 1) });
  rmSync(image, { recursive: true, force: true });
  mkdirSync(image);
  writeTree(image, entriesOf(2));
  for (const name of ['edited', 'obsolete-edited']) appendFileSync(`${root}/etc/${name}`, '\nof the administrator');
  writeFileSync(`${root}/usr/share/both/of somebody else`, 'mine');
}

/** Without what the machinery of the ledger leaves on purpose: a cache, and times that tell when it was. */
export function comparable(tree: TreeSnapshot): TreeSnapshot {
  const kept = new Map<Bytes, EntrySnapshot>();
  for (const [path, entry] of tree) {
    if (path.endsWith('.emplace-owners')) continue;
    kept.set(path, path.startsWith('var/') ? { ...entry, mtimeNs: 0n } : entry);
  }
  return kept;
}
