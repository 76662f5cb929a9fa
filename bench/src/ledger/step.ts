/** `step.ts STEP ROOT`: one step in a process of its own, so that its memory is its own. Prints a {@link Step}. */
import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linuxPort, type OwnersIndex, openOwners, Vdb } from '@emplace/merge-core';
import { type Bytes, toBytes } from '@emplace/syscalls';
import { generate } from './generate.ts';

export interface Step {
  readonly ms: number;
  /** The most that the process ever had, Node itself included. */
  readonly peakKiB: number;
  /** What was done, for the reader. */
  readonly note: string;
}

const [name = '', top = ''] = process.argv.slice(2);
const fs = linuxPort();
const DATABASE = toBytes('var/db/pkg');

function timed(note: string, act: () => unknown): Step {
  const started = performance.now();
  const more = act();
  const ms = performance.now() - started;
  return { ms, peakKiB: process.resourceUsage().maxRSS, note: more === undefined ? note : `${note}: ${more}` };
}

function withVdb<T>(act: (vdb: Vdb) => T): T {
  using vdb = new Vdb(fs.openRoot(toBytes(top)), DATABASE, fs);
  return act(vdb);
}

/** The paths of the packages with most of them. */
function pathsOf(vdb: Vdb, count: number): Bytes[] {
  const paths: Bytes[] = [];
  for (const one of vdb.directories()) {
    paths.push(...vdb.contents(one).entries.map(({ path }) => path));
    if (paths.length >= count) break;
  }
  return paths.slice(0, count);
}

/** Most of it is there already; the rest has names that are common, in directories that are not there or are others'. */
function image(vdb: Vdb): Bytes[] {
  const there = pathsOf(vdb, 30_000);
  const fresh = there.slice(0, 20_000).map((path, i) => {
    const [directory, base] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)];
    if (i % 4 === 0) return `${directory}/fresh${i}.txt`;
    if (i % 4 === 1) return `usr/lib/python3.13/site-packages/fresh/m${i >> 4}/__init__.py`;
    return i % 4 === 2 ? `usr/share/fresh/d${i >> 6}/${base}` : `lib64/fresh${i}.so`;
  });
  return [...there, ...(fresh as Bytes[])];
}

function ask(index: OwnersIndex, paths: readonly Bytes[], all = false): string {
  const owned = paths.filter((path) => (all ? index.allOwnersOf(path) : index.ownersOf(path)).length > 0).length;
  return `${owned} of ${paths.length} owned`;
}

const steps: Readonly<Record<string, () => Step>> = {
  nothing: () => timed('Node and the modules', () => withVdb(() => undefined)),
  generate() {
    const { packages, paths, modules } = generate(top);
    age(top);
    return {
      ms: 0,
      peakKiB: 0,
      note: `${packages} packages, ${paths} paths, ${modules} directories with \`__init__.py\``,
    };
  },
  build: () => withVdb((vdb) => timed('every CONTENTS read, index made', () => `${openOwners(vdb).read} read`)),
  save: () =>
    withVdb((vdb) => {
      rmSync(join(top, 'var/db/.pkg.emplace-owners'), { force: true });
      const index = openOwners(vdb);
      return timed('index written', () => index.save());
    }),
  open: () =>
    withVdb((vdb) => timed('kept index read, every CONTENTS looked at', () => `${openOwners(vdb).read} read`)),
  refresh: () => {
    touchOne();
    return withVdb((vdb) =>
      timed('the same after one package changed, written again', () => {
        const index = openOwners(vdb);
        index.save();
        return `${index.read} read`;
      }),
    );
  },
  lookUp: () =>
    withVdb((vdb) => {
      const index = openOwners(vdb);
      const paths = pathsOf(vdb, 50_000);
      return timed('`ownersOf` 50,000 paths of packages', () => ask(index, paths));
    }),
  lookUpAll: () =>
    withVdb((vdb) => {
      const index = openOwners(vdb);
      const paths = pathsOf(vdb, 50_000);
      return timed('`allOwnersOf` the same, which looks at each directory of the root', () => ask(index, paths, true));
    }),
  collisions: () =>
    withVdb((vdb) => {
      const paths = image(vdb);
      return timed('collision check of an image of 50,000 entries, opening the index included', () =>
        ask(openOwners(vdb), paths),
      );
    }),
};

/** What was just written would not be believed the next time. */
function age(root: string): void {
  withVdb((vdb) => {
    for (const { directory } of vdb.directories())
      utimesSync(join(root, directory, 'CONTENTS'), 1_600_000_000, 1_600_000_000);
  });
}

function touchOne(): void {
  withVdb((vdb) => {
    const one = vdb.directories()[700];
    if (one === undefined) throw new Error('there are not so many packages');
    const path = join(top, one.directory, 'CONTENTS');
    writeFileSync(`${path}.new`, `dir /usr\nobj /usr/changed${process.pid} d41d8cd98f00b204e9800998ecf8427e 5\n`);
    utimesSync(`${path}.new`, 1_650_000_000, 1_650_000_000);
    renameSync(`${path}.new`, path);
  });
}

const step = steps[name];
if (step === undefined) throw new Error(`no step \`${name}\``);
console.log(JSON.stringify(step()));
