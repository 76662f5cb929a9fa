import { ascii, type Bytes } from '@emplace/syscalls';
import { directoryAt, type Root } from '../below-root.ts';

const SLASH = 0x2f;
/** A tail of so many bytes is enough to pass over nearly all of a hundred thousand lines. */
const TAIL = 4;
/** A database may list one name in a million directories; of so many it is asked whether they are one of ours. */
const DIRECTORIES_MAX = 10_000;

/** A path taken apart. */
interface Asked {
  readonly path: Bytes;
  readonly directory: Bytes;
}

/**
 * The paths whose owners are wanted, made to be compared with long lists of records: by name first, then by directory.
 * Two directories are the same when they are one inode, so `/bin/x` of a record is `/usr/bin/x` where `/bin` is a symlink,
 * and `/var/run/x` is `/run/x`; an entry of a directory that is gone is known by its text alone.
 */
export class Question {
  readonly #root: Root;
  readonly #byName: Map<string, Asked[]> = new Map();
  readonly #tails: Uint8Array = new Uint8Array(0x10000);
  readonly #identities: Map<string, string> = new Map();

  /** @param paths absolute, as the kernel renders them */
  constructor(paths: Iterable<Bytes>, root: Root) {
    this.#root = root;
    for (const path of paths) {
      const slash = path.lastIndexOf('/');
      const name = path.slice(slash + 1);
      if (slash === -1 || name === '') continue;
      const asked = { path, directory: path.slice(0, slash) as Bytes };
      this.#byName.set(name, [...(this.#byName.get(name) ?? []), asked]);
      const bytes = Buffer.from(name, 'latin1');
      this.#tails[tailOf(bytes, 0, bytes.length)] = 1;
    }
  }

  /**
   * The wanted paths that a record's path is one of.
   * @param start where the path starts in `buffer`, with or without its first slash
   * @param end where it ends, a last slash of a directory left out
   * @param above the directory that the path is in, for records which tell names only
   */
  matches(buffer: Buffer, start: number, end: number, above?: () => Bytes): readonly Bytes[] {
    if (this.#tails[tailOf(buffer, start, end)] === 0) return NONE;
    let name = end;
    while (name > start && buffer[name - 1] !== SLASH) name--;
    const asked = this.#byName.get(buffer.latin1Slice(name, end));
    if (asked === undefined) return NONE;
    const directory = above?.() ?? (buffer.latin1Slice(start, Math.max(start, name - 1)) as Bytes);
    return this.#inDirectory(asked, directory);
  }

  /** The same for a path that is there as text. */
  matchesText(path: Bytes): readonly Bytes[] {
    const slash = path.lastIndexOf('/');
    const asked = this.#byName.get(path.slice(slash + 1));
    return asked === undefined ? NONE : this.#inDirectory(asked, path.slice(0, Math.max(0, slash)) as Bytes);
  }

  #inDirectory(asked: readonly Asked[], directory: Bytes): readonly Bytes[] {
    const absolute = directory === '' || directory.startsWith('/') ? directory : (`/${directory}` as Bytes);
    return asked.filter((one) => one.directory === absolute || this.#isOne(one.directory, absolute)).map(pathOf);
  }

  #isOne(a: Bytes, b: Bytes): boolean {
    const identity = this.#identity(a);
    return identity !== '' && identity === this.#identity(b);
  }

  /** `''` for what is not there. */
  #identity(directory: Bytes): string {
    const known = this.#identities.get(directory);
    if (known !== undefined) return known;
    if (this.#identities.size >= DIRECTORIES_MAX) return '';
    const found = directoryAt(this.#root, directory === '' ? TOP : directory);
    const identity = found === undefined ? '' : `${found.dev}:${found.ino}`;
    this.#identities.set(directory, identity);
    return identity;
  }
}

const NONE: readonly Bytes[] = [];
const TOP: Bytes = ascii('/');

function pathOf({ path }: Asked): Bytes {
  return path;
}

/** 16 bits of the last bytes of the last name. */
function tailOf(buffer: Buffer, start: number, end: number): number {
  let hash = 0;
  for (let at = end - 1; at >= start && at >= end - TAIL; at--) {
    const byte = buffer[at] as number;
    if (byte === SLASH) break;
    hash = (hash * 31 + byte) & 0xffff;
  }
  return hash;
}
