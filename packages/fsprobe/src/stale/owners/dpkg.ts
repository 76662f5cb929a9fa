import { ascii, type Bytes, close } from '@emplace/syscalls';
import { listNames } from '../../processes/proc.ts';
import { attempt, isUnread } from '../../processes/read.ts';
import { openDirectory, openRegular, openRoot, type Root } from '../below-root.ts';
import type { OwnerFinder } from '../model.ts';
import { type Diverted, readDiversions } from './dpkg-diversions.ts';
import { nativeArchitecture, readVersions } from './dpkg-status.ts';
import { Found } from './found.ts';
import { Question } from './question.ts';
import { LineReader } from './read-lines.ts';

const INFO = ascii('var/lib/dpkg/info');
/** deb-version(7) and dpkg's names; `:ARCHITECTURE` for packages that can be there several times. */
const LIST = /^([a-z0-9][a-z0-9+.-]*)((?::[a-z0-9-]+)?)\.list$/;
/** No distribution has as many packages. */
const LISTS_MAX = 200_000;

/**
 * Debian's packages, from dpkg's own files, read once for all paths: `libc6:amd64 2.36-9` is the package as `dpkg -S`
 * names it and its version. A path is found in whichever way it was packaged, `/bin/x` for `/usr/bin/x`. What was
 * diverted belongs to whom its content is from, where dpkg-query names both.
 *
 * Not guaranteed: the version of a package that is being installed at that moment (dpkg's `updates` are not read).
 */
export const dpkgOwners: OwnerFinder = {
  name: 'dpkg',
  ownersOf(paths, root, untilMs) {
    using top = openRoot(root);
    using info = top && openDirectory(top, INFO);
    if (top === undefined || info === undefined) return new Map();
    const reader = new LineReader(untilMs);
    const found = new Found();
    findOwners(paths, top, info, reader, found);
    const versions = readVersions(top, reader, found.all());
    const native = nativeArchitecture(top);
    return found.owners((owner) => {
      const version = versions.get(owner);
      if (version === undefined) return owner;
      const foreign = !owner.includes(':') && native !== undefined && ![native, 'all'].includes(version.architecture);
      return `${owner}${foreign ? `:${version.architecture}` : ''} ${version.version}`.trimEnd();
    });
  },
};

function findOwners(paths: ReadonlySet<Bytes>, top: Root, info: Root, reader: LineReader, found: Found): void {
  const wanted = new Question(paths, top);
  const diversions = readDiversions(wanted, top, reader);
  // What is diverted to a wanted path is listed under the name it was packaged with.
  const question = new Question([...paths, ...diversions.sources], top);
  for (const { name, file } of lists(info)) {
    if (reader.isOver) break;
    const fd = openRegular(info, file);
    if (fd === undefined) continue;
    try {
      reader.visit(fd, (buffer, start, end) => {
        for (const path of question.matches(buffer, start, end)) give(path, name, paths, diversions, found);
      });
    } finally {
      close(fd);
    }
  }
}

/** Says whose a listed path is, at the place where diversions have put it. */
function give(listed: Bytes, owner: string, paths: ReadonlySet<Bytes>, diverted: Diverted, found: Found): void {
  const name = owner.replace(/:.*/, '');
  const by = diverted.from(listed);
  if (paths.has(listed) && (by === undefined || by === name)) found.add(listed, owner);
  for (const to of diverted.to(listed, name)) found.add(to, owner);
}

function lists(info: Root): { readonly name: string; readonly file: Bytes }[] {
  const names = attempt(() => listNames(info.fd, ascii('.')));
  if (isUnread(names)) return [];
  return names.slice(0, LISTS_MAX).flatMap((file) => {
    const [, name, architecture] = LIST.exec(file) ?? [];
    return name === undefined ? [] : [{ name: `${name}${architecture}`, file }];
  });
}
