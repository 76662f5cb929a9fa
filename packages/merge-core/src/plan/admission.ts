import type { FsPort, Stat, Xattrs } from '@emplace/fsprobe';
import { type Bytes, isErrno } from '@emplace/syscalls';
import { HERE, join } from '../paths.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { readAttributes } from './attributes-of.ts';
import type { Losable, LostThere } from './carry.ts';
import type { Draft } from './draft.ts';
import { foldCase } from './fold-case.ts';
import type { UndoKind } from './model.ts';
import { Permissions } from './permissions.ts';
import type { Current } from './placing.ts';
import type { PlanRequest } from './request.ts';
import type { Room } from './room.ts';
import type { Sites } from './sites.ts';

/** Whether something may be placed. What speaks against it is told as a problem of the plan. */
export class Admission {
  readonly #draft: Draft;
  readonly #room: Room;
  readonly #sites: Sites;
  readonly #permissions: Permissions;
  readonly #lossy: readonly Losable[];
  readonly #mountName: (id: number) => string;
  readonly #fs: FsPort;

  constructor(draft: Draft, room: Room, sites: Sites, choice: Pick<PlanRequest, 'lossy' | 'mountName'>, fs: FsPort) {
    this.#draft = draft;
    this.#room = room;
    this.#sites = sites;
    this.#permissions = new Permissions(draft, fs);
    this.#lossy = choice.lossy;
    this.#mountName = choice.mountName;
    this.#fs = fs;
  }

  /** Whether an entry can get its name, `target` when that is another in the root. */
  entry(
    current: Current,
    name: Bytes,
    stat: Stat,
    old: Stat | undefined,
    rung: Strategy,
    target: Bytes = name,
  ): boolean {
    const path = join(current.target, target);
    if (!this.directory(current, target) || !this.#permissions.allow(current, name, stat, old, rung)) return false;
    if (old?.mountRoot === true)
      return this.#refuse('MOUNT_POINT', path, `is a mount point (EBUSY): ${this.#mountName(old.mountId)}`);
    if (old !== undefined && (old.immutable || old.appendOnly)) {
      return this.#refuse('IMMUTABLE', path, 'is immutable or append-only (EPERM)');
    }
    const leaves = rung.traits.staging !== 'made' || rung.traits.links;
    if (leaves && rung.traits.staging !== 'made' && (current.stat.immutable || current.stat.appendOnly)) {
      return this.#refuse('IMMUTABLE', current.image, 'in the image is an immutable or append-only directory (EPERM)');
    }
    if (leaves && stat.mountRoot)
      return this.#refuse(
        'MOUNT_POINT',
        join(current.image, name),
        `in the image is a mount point (EBUSY): ${this.#mountName(stat.mountId)}`,
      );
    if (leaves && (stat.immutable || stat.appendOnly)) {
      return this.#refuse('IMMUTABLE', join(current.image, name), 'in the image is immutable or append-only (EPERM)');
    }
    return true;
  }

  /** Whether the target directory can take the name at all. */
  directory(current: Current, name: Bytes): boolean {
    if (!this.#permissions.mayMakeIn(current)) return false;
    const path = join(current.target, name);
    if (!this.#room.holds(current.place, name))
      return this.#refuse('NAME_TOO_LONG', path, 'is longer than the file system allows (ENAMETOOLONG)');
    if (current.targetStat?.immutable === true || current.targetStat?.appendOnly === true) {
      return this.#refuse('IMMUTABLE', current.target, 'is an immutable or append-only directory (EPERM)');
    }
    return true;
  }

  /** Whether a mounted file can be opened for writing, and can grow by so many bytes. */
  writingThrough({ target, targetDir }: Current, name: Bytes, growth: number): boolean {
    if (targetDir === undefined) return true;
    try {
      const file = this.#fs.openWritable(targetDir, name);
      const { bytesFree } = this.#fs.space(file);
      this.#fs.closeFile(file);
      const path = join(target, name);
      return (
        growth <= bytesFree ||
        this.#refuse('NO_SPACE', path, `grows by ${growth} bytes, and its file system has ${bytesFree} free`)
      );
    } catch (error) {
      if (!isErrno(error)) throw error;
      return this.#refuse('MOUNT_POINT', join(target, name), `is a mount point that cannot be written (${error.code})`);
    }
  }

  /** Whether a new entry, or with `''` the directory itself, keeps all that it is there, or loses only what the caller accepts. */
  carrying(current: Current, name: Bytes, stat: Stat): boolean {
    this.#sites.relyOnCarrying(current.site, name, stat);
    const xattrs = (): Xattrs => readAttributes(current.imageDir, name, this.#fs).xattrs;
    const losses = this.#sites.lossesAt(current.site, name, stat, xattrs);
    const path = name === HERE ? current.target : join(current.target, name);
    const refused = losses.filter(({ what }) => what === 'entry' || !this.#lossy.includes(what));
    if (refused.length > 0) {
      const which = refused.map((loss) => loss.which).join(', ');
      return this.#refuse('CANNOT_CARRY', path, `would lose ${which}`);
    }
    const what = new Set(losses.map((loss) => loss.what).filter((one) => one !== 'entry'));
    if (what.size > 0) this.#draft.lose(path, [...what]);
    return true;
  }

  /** What entries lose there, as far as the caller accepts it. */
  lost({ site }: Current): LostThere {
    return this.#sites.lostAt(site, this.#lossy);
  }

  /** Names that differ by case alone need a directory that tells them apart (ext4 and others have some that do not). */
  cases({ site, image }: Current, names: readonly Bytes[]): void {
    const folded = new Set<string>();
    for (const name of names) {
      const one = foldCase(name);
      if (folded.has(one)) {
        this.#sites.relyOn(site, ['caseSensitive']);
        if (this.#sites.refusal(site, 'caseSensitive') !== undefined)
          this.#draft.refuse(
            'IMAGE_COLLISION',
            join(image, name),
            'has another name in the image that is the same there, but for its case',
          );
      }
      folded.add(one);
    }
  }

  /** Whether an entry's time and attributes may be set. */
  change(path: Bytes, old: Stat): boolean {
    return this.#permissions.mayChange(path, old);
  }

  /** Whether the attributes of a directory that the root has may be set. */
  adoption({ target, targetStat }: Current): boolean {
    return targetStat === undefined || this.change(target, targetStat);
  }

  /** Whether the old entry can be kept that way. */
  undo(current: Current, name: Bytes, kind: UndoKind): boolean {
    const why = kind === 'exchange' ? this.#sites.refusal(current.site, 'exchange') : undefined;
    if (why === undefined) return true;
    const path = join(current.target, name);
    return this.#refuse(
      'EXCHANGE_UNSUPPORTED',
      path,
      `cannot be swapped with what is there: RENAME_EXCHANGE gives ${why}`,
    );
  }

  #refuse(...problem: Parameters<Draft['refuse']>): false {
    this.#draft.refuse(...problem);
    return false;
  }
}
