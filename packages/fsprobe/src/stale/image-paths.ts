/**
 * Paths that no installed file has: those of image and build directories, names that installers use until they are
 * done, and names that people give to what they move out of the way. A name proves nothing: it says where to look.
 */
import type { Bytes } from '@emplace/syscalls';

export interface OddPath {
  /** `image`: below a package's image; `build`: elsewhere where it is built; `staged`: beside its place. */
  readonly kind: 'image' | 'build' | 'staged';
  /** Whose. */
  readonly by: string;
  /** Where the file is (to be) installed; undefined when the path does not tell. */
  readonly destination: Bytes | undefined;
  /** Nobody else has such paths. */
  readonly certain: boolean;
}

interface Pattern extends Pick<OddPath, 'kind' | 'by'> {
  /** Group `to` is the destination, or `dir` and `name` are. */
  readonly path: RegExp;
  readonly certain?: boolean;
}

/** The tops that packages install to: without one of these `pkg/NAME/…` is anybody's directory. */
const TOPS = '/(?:usr|etc|opt|var|bin|sbin|lib\\d*|srv|boot)(?:/.*)?';

/** First match counts, so images come before the build directories that they are in. */
const DIRECTORIES: readonly Pattern[] = [
  { by: 'Portage', kind: 'image', path: /\/(?:portage|pkgcore)\/[^/]+\/[^/]+\/image(?<to>\/.*)$/s },
  {
    by: 'Portage',
    kind: 'build',
    path: /\/(?:portage|pkgcore)\/[^/]+\/[^/]+\/(?:work|temp|homedir|build-info|distdir|empty)\//s,
  },
  { by: 'Paludis', kind: 'image', path: /\/paludis\/(?:[^/]+\/){1,2}image(?<to>\/.*)$/s },
  { by: 'Paludis', kind: 'build', path: /\/paludis\/(?:[^/]+\/){1,2}(?:work|temp)\//s },
  { by: 'dpkg', kind: 'image', path: new RegExp(`/debian/[^/]+(?<to>${TOPS})$`, 's') },
  { by: 'dpkg', kind: 'build', path: /\/var\/lib\/dpkg\/tmp\.ci\// },
  // Until 4.19 it has the package's name, version and release below it.
  { by: 'rpm', kind: 'image', path: /\/BUILDROOT(?:\/[^/]+-[^/]+-[^/]+)?(?<to>\/.*)$/s },
  { by: 'rpm', kind: 'build', path: /\/rpmbuild\/BUILD\// },
  { by: 'pacman or apk', kind: 'image', path: new RegExp(`/pkg/[^/]+(?<to>${TOPS})$`, 's') },
  { by: 'xbps', kind: 'image', path: /\/destdir\/(?:[^/]+\/)?[^/]+-[^/]+_\d+(?<to>\/.*)$/s },
];

const STAGED: readonly Pattern[] = [
  {
    by: 'Emplace',
    kind: 'staged',
    path: /^(?<dir>.*\/)\.(?<name>[^/]+)\.emplace-[a-z2-7]{8}-[surp][a-z0-9]+$/s,
    certain: true,
  },
  { by: 'Portage', kind: 'staged', path: /^(?<dir>.*\/)(?<name>[^/]+)#new$/s },
  { by: 'dpkg', kind: 'staged', path: /^(?<dir>.*\/)(?<name>[^/]+)\.dpkg-(?:new|tmp)$/s, certain: true },
  { by: 'rpm', kind: 'staged', path: /^(?<dir>.*\/)(?<name>[^/]+);[0-9a-f]{8}$/s },
  { by: 'apk', kind: 'staged', path: /\/\.apk\.[0-9a-f]{24,}$/, certain: true },
  { by: 'pkg', kind: 'staged', path: /^(?<dir>.*\/)\.pkgtemp\.(?<name>[^/]+)\.[A-Za-z0-9]{6,12}$/s, certain: true },
];

/** Emplace cuts the name that a staged name shows (merge-core, staged-names.ts): one of this length may go on. */
const NAME_SHOWN = 64;

/** @param given directories where packages are unpacked, absolute: what is below one is a path of the root */
export function oddPath(path: Bytes, given: readonly Bytes[]): OddPath | undefined {
  for (const directory of given) {
    const top = directory.replace(/\/+$/, '');
    if (!path.startsWith(`${top}/`)) continue;
    return { kind: 'image', by: 'a given directory', destination: path.slice(top.length) as Bytes, certain: true };
  }
  for (const { by, kind, path: pattern, certain = false } of [...STAGED, ...DIRECTORIES]) {
    const match = pattern.exec(path);
    if (match !== null) return { kind, by, destination: destinationOf(match.groups ?? {}), certain };
  }
  return undefined;
}

function destinationOf({ to, dir, name }: Partial<Record<string, string>>): Bytes | undefined {
  if (to !== undefined) return to as Bytes;
  if (dir === undefined || name === undefined || name.length >= NAME_SHOWN) return undefined;
  return `${dir}${name}` as Bytes;
}

/** What people and installers add to a name to get it out of the way. */
const ASIDE = /(?:\.(?:old|orig|bak|backup|prev|save|rpmsave|dpkg-old|dpkg-dist|pacsave)|[-_]old|~)$/;

/** Paths that a file had, if a directory on the way or itself was moved aside: the innermost first. */
export function pathsBefore(path: Bytes): Bytes[] {
  const parts = path.split('/');
  const found: Bytes[] = [];
  for (let i = parts.length - 1; i > 0; i--) {
    const part = parts[i] ?? '';
    const name = part.replace(ASIDE, '');
    if (name !== part && name !== '') found.push(parts.with(i, name).join('/') as Bytes);
  }
  return found;
}

/** A name that a file server's client gives to what was removed while somebody held it: NFS, and libfuse's high level. */
export function isSillyName(path: Bytes): boolean {
  return /\/\.(?:nfs[0-9a-f]{16,}|fuse_hidden[0-9a-f]{16})$/.test(path);
}

/** The kernel's own addition for a file without this name (fs/d_path.c). A name may end so too. */
const DELETED = ' (deleted)';

export function isDeleted(shown: Bytes): boolean {
  return shown.endsWith(DELETED);
}

export function withoutDeleted(shown: Bytes): Bytes {
  return shown.slice(0, -DELETED.length) as Bytes;
}
