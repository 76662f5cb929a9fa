/** Small package databases in memory, written down as CONTENTS lines. */
import type { DirHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { showPackage } from '../../src/ledger/package-name.ts';
import { Vdb } from '../../src/ledger/vdb.ts';
import { type Entry, ROOT, world } from '../engine/world.ts';

const VDB: Bytes = ascii('var/db/pkg');
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

export interface Installed {
  /** Paths of regular files; `dir X`, `sym X -> Y` for others. undefined: no CONTENTS. */
  readonly contents?: readonly string[] | undefined;
  readonly files?: Readonly<Record<string, string>>;
}

/** The files of a database entry. SLOT is 0 and COUNTER 1, unless they are given; `''` leaves one out. */
export function installed(package_: string, { contents, files = {} }: Installed): Entry[] {
  const path = `${VDB}/${package_}`;
  const lines = contents?.map((line) => `${contentsLine(line)}\n`).join('');
  const all: Record<string, string> = { SLOT: '0\n', COUNTER: '1', ...files };
  if (lines !== undefined) all.CONTENTS = lines;
  return [
    { path, type: 'directory' },
    ...Object.entries(all)
      .filter(([name, content]) => content !== '' || name === 'CONTENTS')
      .map(([name, content]): Entry => ({ path: `${path}/${name}`, content })),
  ];
}

function contentsLine(line: string): string {
  const [, type = 'obj', rest = line] = /^(dir|sym|!) (.*)$/s.exec(line) ?? [];
  if (type === '!') return rest;
  if (type === 'dir') return `dir /${rest}`;
  return type === 'sym' ? `sym /${rest} 5` : `obj /${rest} ${MD5} 5`;
}

/** A root with these entries; parents that are missing are made. */
export function rootWith(...entries: readonly Entry[]): MemoryPort {
  const paths = new Set(entries.map(({ path }) => path));
  const parents = new Map<string, Entry>();
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (!paths.has(parent)) parents.set(parent, { path: parent, type: 'directory' });
    }
  }
  const depth = ({ path }: Entry): number => path.split('/').length;
  return world(
    [...parents.values(), ...entries].toSorted((a, b) => depth(a) - depth(b)),
    [],
  );
}

/** The database of a root, both open until the end of the block. */
export class Opened implements Disposable {
  readonly root: DirHandle;
  readonly vdb: Vdb;
  readonly #fs: FsPort;

  constructor(fs: FsPort, path: Bytes = VDB) {
    this.#fs = fs;
    this.root = fs.openRoot(ROOT);
    try {
      this.vdb = new Vdb(this.root, path, fs);
    } catch (error) {
      fs.closeDir(this.root);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.vdb[Symbol.dispose]();
    this.#fs.closeDir(this.root);
  }
}

/** `CATEGORY/PF` of each. */
export function names(entries: readonly { readonly name: Parameters<typeof showPackage>[0] }[]): string[] {
  return entries.map(({ name }) => showPackage(name));
}
