import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { join } from '../paths.ts';
import type { Current } from '../plan/placing.ts';
import type { GivingWay, Judgement, Ruling } from '../plan/ruling.ts';
import type { ContentsEntry } from './contents.ts';
import type { DigestFile } from './digests.ts';
import { ancestorsOf } from './image-list.ts';
import type { Installed } from './installed.ts';
import type { Protection } from './protection.ts';

/** Whether an entry of the versions that go may go: nobody protects it, and nobody changed it where that counts. */
export type MayGo = (target: Bytes, stat: Stat, entry: ContentsEntry) => boolean;

/** What a package's ledger says of single entries: see {@link Ruling}. */
export class PackageRuling implements Ruling {
  /** Real paths of entries that nobody gave this package and that it would overwrite (E). */
  readonly collisions: Bytes[] = [];
  /** Real paths of libraries that a package keeps for others, and that this one brings (E.3). */
  readonly preserved: Set<Bytes> = new Set();
  readonly #kept: ReadonlySet<Bytes>;
  readonly #installed: Installed;
  readonly #protection: Protection;
  readonly #isIgnored: (path: Bytes) => boolean;
  readonly #reserved: ReadonlySet<Bytes>;
  readonly #mayGo: MayGo;
  readonly #digest: DigestFile | undefined;
  /** Directories below which something is decided entry by entry. */
  readonly #inside: ReadonlySet<Bytes>;
  readonly #fs: FsPort;

  /**
   * @param kept real paths of libraries that packages keep for others
   * @param digest of files, where what the database says of them is believed
   * @param reserved what the ledger writes itself, and the directories that it keeps
   */
  constructor(
    installed: Installed,
    protection: Protection,
    isIgnored: (path: Bytes) => boolean,
    mayGo: MayGo,
    reserved: ReadonlySet<Bytes>,
    kept: ReadonlySet<Bytes>,
    digest: DigestFile | undefined,
    fs: FsPort,
  ) {
    this.#digest = digest;
    this.#kept = kept;
    this.#installed = installed;
    this.#protection = protection;
    this.#isIgnored = isIgnored;
    this.#mayGo = mayGo;
    this.#reserved = reserved;
    this.#inside = ancestorsOf([...reserved, ...installed.targets]);
    this.#fs = fs;
  }

  judge(current: Current, name: Bytes, stat: Stat, old: Stat | undefined): Judgement {
    const target = join(current.target, name);
    const owned = this.#installed.entry(target);
    const path = join(current.image, name);
    // Of a symlink in the root that leads to /etc both names count.
    if ([path, target].some((one) => this.#protection.isProtected(one, stat)))
      return this.#protection.judge(current, name, old, stat, owned);
    if (old !== undefined) this.#noteCollision(target, owned, old);
    return 'merge';
  }

  /** (C.3) Nobody has written to it since it was merged, as its time says, and what is merged has the digest of then. */
  isKnown({ target: parent, imageDir }: Current, name: Bytes, old: Stat): boolean {
    if (this.#digest === undefined || old.type !== 'file') return false;
    const owned = this.#installed.entry(join(parent, name));
    if (owned?.type !== 'obj' || owned.mtime !== old.mtime.sec) return false;
    return this.#digest(imageDir, name).digests.md5 === owned.md5;
  }

  looksInto(target: Bytes): boolean {
    return this.#inside.has(target) || this.#protection.concerns(target);
  }

  givesWay({ target: parent, targetDir }: Current, name: Bytes, old: Stat): GivingWay {
    const target = join(parent, name);
    if (old.type === 'directory') return this.#installed.ownsAllIn(target, this.#mayGo) ? 'goes' : 'stays';
    const owned = this.#installed.entry(target);
    this.#noteCollision(target, owned, old);
    const isProtected = this.#protection.isProtected(target, old);
    return owned !== undefined && !isProtected ? 'goes' : { aside: backupName(name, targetDir, this.#fs) };
  }

  isReserved(target: Bytes): boolean {
    return this.#reserved.has(target);
  }

  #noteCollision(target: Bytes, owned: ContentsEntry | undefined, old: Stat): void {
    // A directory in the way is a conflict of types, told as such, unless all in it is ours.
    if (this.#kept.has(target)) this.preserved.add(target);
    if (owned !== undefined || old.type === 'directory' || this.#isIgnored(target) || this.#kept.has(target)) return;
    if (!this.#protection.isProtected(target, old)) this.collisions.push(target);
  }
}

/** (C.1) The first `NAME.backup.NNNN` that is free. */
function backupName(name: Bytes, dir: Current['targetDir'], fs: FsPort): Bytes {
  for (let number = 0; ; number++) {
    const backup = `${name}.backup.${String(number).padStart(4, '0')}` as Bytes;
    if (dir === undefined || !isThere(dir, backup, fs)) return backup;
  }
}

/** A name that is too long is not there; the plan refuses it where it is placed. */
function isThere(dir: DirHandle, name: Bytes, fs: FsPort): boolean {
  try {
    return fs.stat(dir, name) !== undefined;
  } catch (error) {
    if (isErrno(error, 'ENAMETOOLONG')) return false;
    throw error;
  }
}
