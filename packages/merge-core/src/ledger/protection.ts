import type { DirHandle, FsPort, Stat } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { readWhole } from '../fs/whole-file.ts';
import { join } from '../paths.ts';
import type { Current } from '../plan/placing.ts';
import type { Judgement } from '../plan/ruling.ts';
import { decideConfig, targetMd5 } from './config-decision.ts';
import type { ConfigMemory } from './config-memory.ts';
import { configName } from './config-names.ts';
import type { ConfigProtect } from './config-protect.ts';
import type { ContentsEntry } from './contents.ts';
import type { DigestFile } from './digests.ts';
import { PRISTINE_BYTES_MAX } from './pristine.ts';

/** How protected files are dealt with. */
export interface ProtectionChoice {
  /** A file that nobody changed since it was merged is no reason to ask. */
  readonly ifModified: boolean;
  /** What was offered before is offered again: asked for, or an older version is merged. */
  readonly offerAgain: boolean;
}

/** Decides on updates of protected files (docs/PORTAGE.md, F.3), and remembers what was offered. */
export class Protection {
  readonly #protect: ConfigProtect;
  /** As it will be when the merge is done. */
  readonly memory: ConfigMemory;
  /** Content of protected files that are the root's own from now on, by path of the image: what a later update is compared with. */
  readonly taken: Map<Bytes, Buffer> = new Map();
  readonly #choice: ProtectionChoice;
  readonly #digest: DigestFile;
  readonly #fs: FsPort;

  constructor(
    protect: ConfigProtect,
    memory: ReadonlyMap<Bytes, string>,
    choice: ProtectionChoice,
    digest: DigestFile,
    fs: FsPort,
  ) {
    this.#protect = protect;
    this.memory = new Map(memory);
    this.#choice = choice;
    this.#digest = digest;
    this.#fs = fs;
  }

  /** Whether anything at or below `path` may be protected. */
  concerns(path: Bytes): boolean {
    return this.#protect.concerns(path);
  }

  isProtected(path: Bytes, stat: Stat): boolean {
    return this.#protect.isProtected(path, stat);
  }

  /** Of an entry of the image that is protected. `recorded`: what the installed version says of the one in the root. */
  judge(
    current: Current,
    name: Bytes,
    old: Stat | undefined,
    stat: Stat,
    recorded: ContentsEntry | undefined,
  ): Judgement {
    const path = join(current.image, name);
    const { imageDir, targetDir } = current;
    const update = { type: stat.type, md5: this.#md5(imageDir, name, stat) ?? '' };
    const present = old && targetDir && { type: old.type, md5: this.#md5(targetDir, name, old) };
    const { ifModified, offerAgain: again } = this.#choice;
    const remembered = this.memory.get(path);
    const { action, remember } = decideConfig({ update, present, recorded, remembered, ifModified, again });
    if (remember !== undefined) this.memory.set(path, remember);
    switch (action) {
      case 'merge':
        return this.#take(current, name, stat);
      case 'offer':
        return { as: this.#nameFor(current, name, stat, update.md5) };
      case 'skip':
        return 'leave';
      default:
        return action satisfies never;
    }
  }

  #take({ image, imageDir }: Current, name: Bytes, { type, size }: Stat): 'merge' {
    if (type === 'file' && size <= PRISTINE_BYTES_MAX) {
      const file = this.#fs.openFile(imageDir, name);
      try {
        this.taken.set(join(image, name), readWhole(file, this.#fs));
      } finally {
        this.#fs.closeFile(file);
      }
    }
    return 'merge';
  }

  /** (F.5) */
  #nameFor({ targetDir }: Current, name: Bytes, stat: Stat, md5: string): Bytes {
    const names = targetDir === undefined ? [] : this.#fs.list(targetDir).map((entry) => entry.name);
    const isSame = (candidate: Bytes): boolean => {
      const found = targetDir && this.#fs.stat(targetDir, candidate);
      return targetDir !== undefined && found?.type === stat.type && this.#md5(targetDir, candidate, found) === md5;
    };
    return configName(name, names, isSame).name;
  }

  /** undefined for what has no content of its own. */
  #md5(dir: DirHandle, name: Bytes, { type }: Stat): string | undefined {
    if (type === 'symlink') return targetMd5(this.#fs.readlink(dir, name));
    return type === 'file' ? this.#digest(dir, name).digests.md5 : undefined;
  }
}
