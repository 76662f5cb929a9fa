/** CONTENTS of a large package on a real disk is what somebody else would write who looks at the root, and the root what can be written to. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import {
  characterDevice,
  directory,
  fifo,
  file,
  hardLink,
  mountTmpfs,
  randomOf,
  remount,
  snapshotTree,
  symlink,
  type TreeEntry,
  temporaryDirectory,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { MergeError, type MergeOptions, mergeSync, unmergeSync } from '@emplace/merge-core';
import { expect } from '@jest/globals';

const SEED = 20_261_121;

/** 40,000 entries and more; the names are what CONTENTS has no quotes for. */
function largePackage(): TreeEntry[] {
  const random = randomOf(SEED);
  const parts = [
    ' two  words ',
    'tab\tand',
    'na\xefve',
    '\xff\xfe',
    'a -> b',
    '"quoted\'',
    'back\\slash',
    '1600000000',
    '%s',
    'plain',
  ];
  const name = (n: number): Buffer =>
    Buffer.from(`${random.pick(parts)}${n}${random.chance(0.2) ? ' ' : ''}`, 'latin1');
  const entries: TreeEntry[] = [];
  for (let d = 0; d < 400; d++) {
    const place = Buffer.concat([Buffer.from('usr/share/'), name(d)]);
    const at = (one: Buffer): Buffer => Buffer.concat([place, Buffer.from('/'), one]);
    entries.push(directory(place));
    for (let n = 0; n < 100; n++) {
      const path = at(name(n));
      const mtime = { sec: random.integer(2_000_000_000), nsec: random.integer(1_000_000_000) };
      if (n % 10 === 1) entries.push(symlink(path, name(n), { mtime }));
      else if (n % 50 === 2) entries.push(fifo(path, { mtime }));
      else if (n % 50 === 3) entries.push(characterDevice(path, 1, 3, { mtime }));
      else entries.push(file(path, `${d} ${n}`, { mtime }));
      if (n % 25 === 4) entries.push(hardLink(at(Buffer.concat([name(n), Buffer.from(' again')])), path));
    }
  }
  return entries;
}

/** By lstat(2) and md5sum(1), and nothing of ours. */
function independentContents(root: string): string[] {
  const found: { path: Buffer; stat: BigIntStats }[] = [];
  const pending: Buffer[] = [Buffer.from('usr')];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = Buffer.concat([Buffer.from(`${root}/`), path]);
    const stat = lstatSync(full, { bigint: true });
    found.push({ path, stat });
    if (stat.isDirectory())
      for (const one of readdirSync(full, { encoding: 'buffer' }))
        pending.push(Buffer.concat([path, Buffer.from('/'), one]));
  }
  const sums = execFileSync('sh', ['-c', 'find usr -type f -print0 | xargs -0 md5sum -z --'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  const md5 = new Map<string, string>();
  for (const line of sums.toString('latin1').split('\0')) md5.set(line.slice(34), line.slice(0, 32));
  return found.map(({ path, stat }) => {
    const name = `/${path.toString('latin1')}`;
    const mtime = stat.mtimeNs / 1_000_000_000n;
    if (stat.isDirectory()) return `dir ${name}`;
    if (stat.isFIFO()) return `fif ${name}`;
    if (stat.isCharacterDevice()) return `dev ${name}`;
    if (stat.isFile()) return `obj ${name} ${md5.get(path.toString('latin1'))} ${mtime}`;
    const target = readlinkSync(Buffer.concat([Buffer.from(`${root}/`), path]), { encoding: 'buffer' });
    return `sym ${name} -> ${target.toString('latin1')} ${mtime}`;
  });
}

testWith(
  { root: true, tools: ['md5sum', 'find', 'xargs'] },
  'CONTENTS of 40,000 entries is what lstat and md5sum say of the root, and takes all of them away again (G.2)',
  () => {
    using work = temporaryDirectory();
    const [image, root] = [work.make('image'), work.make('root')];
    // What says `a -> b` is a name, which CONTENTS carries; as a target it does not.
    const entries = largePackage().map((entry) =>
      entry.type === 'symlink'
        ? { ...entry, target: entry.target.replaceAll(' -> ', '/') as typeof entry.target }
        : entry,
    );
    writeTree(image, entries);
    const ledger = { package: 'app-misc/large-1', slot: '0' };
    expect(mergeSync({ image, root, sync: 'none', ledger }).counts.created).toBeGreaterThan(40_000);
    const contents = readFileSync(`${root}/var/db/pkg/app-misc/large-1/CONTENTS`, 'latin1');
    expect(contents.endsWith('\n')).toBe(true);
    const lines = contents.slice(0, -1).split('\n');
    const independent = independentContents(root);
    expect(independent.length).toBeGreaterThan(40_000);
    const missing = new Set(independent);
    const unexpected = lines.filter((line) => !missing.delete(line));
    expect([[...missing].slice(0, 5), unexpected.slice(0, 5), lines.length]).toEqual([[], [], independent.length]);
    unmergeSync({ root, sync: 'none', ledger });
    expect(readdirSync(root)).toEqual(['var']);
  },
);

/** What Portage locks. */
const LOCKED = [
  'var/db/.pkg.portage_lockfile',
  'var/db/pkg/app-misc/.app:0.portage_lockfile',
  'var/lib/portage/config',
];

/** A root with a package of one file in it, and the image of its next version. */
class Small implements Disposable {
  readonly work = temporaryDirectory();
  readonly root = this.work.make('root');
  readonly options: MergeOptions = {
    image: this.work.make('image'),
    root: this.root,
    ledger: { package: 'app-misc/app-2', slot: '0' },
  };

  constructor() {
    for (const path of ['var/db/pkg', 'var/lib/portage', 'usr']) mkdirSync(`${this.root}/${path}`, { recursive: true });
    mkdirSync(`${this.options.image}/usr`);
    writeFileSync(`${this.options.image}/usr/one`, '1');
    mergeSync({ ...this.options, ledger: { package: 'app-misc/app-1', slot: '0' } });
    // A lock file that is made and removed again leaves its time in the directory.
    for (const path of LOCKED) writeFileSync(`${this.root}/${path}`, '');
    mkdirSync(`${this.options.image}/usr`, { recursive: true });
    writeFileSync(`${this.options.image}/usr/two`, '2');
  }

  /** Refused, with nothing changed. */
  refusal(): MergeError {
    const before = snapshotTree(this.root);
    try {
      mergeSync(this.options);
    } catch (error) {
      if (!(error instanceof MergeError)) throw error;
      expect(snapshotTree(this.root)).toEqual(before);
      return error;
    }
    throw new Error('nothing was refused');
  }

  [Symbol.dispose](): void {
    this.work[Symbol.dispose]();
  }
}

/** As Portage locks: until its standard input ends. */
const HOLD = `
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o660)
fcntl.lockf(fd, fcntl.LOCK_EX)
print('locked', flush=True)
sys.stdin.read()
`;

for (const path of LOCKED) {
  testWith(
    { tools: ['python3'] },
    `a merge is LOCKED while Portage holds \`${path}\`, and names who does (J.3)`,
    async () => {
      using small = new Small();
      const holder = spawn('python3', ['-c', HOLD, `${small.root}/${path}`], { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(holder.stdout, 'data');
      const { code, outcome, exitCode, message } = small.refusal();
      expect({ code, outcome, exitCode }).toEqual({ code: 'LOCKED', outcome: 'locked', exitCode: 6 });
      expect(message).toContain(`\`${path}\` is locked by process ${holder.pid} (\``);
      holder.stdin.end();
      await once(holder, 'exit');
      mergeSync(small.options);
      expect(readdirSync(`${small.root}/usr`)).toEqual(['two']);
    },
  );
}

rootTest('a read-only file system is told before anything is touched, for what comes and for what goes (E.8)', () => {
  using small = new Small();
  const usr = `${small.root}/usr`;
  spawnSync('cp', ['-a', usr, small.work.at('kept')]);
  mountTmpfs(usr);
  try {
    spawnSync('cp', ['-a', `${small.work.at('kept')}/.`, usr]);
    remount(usr, 'ro');
    expect(small.refusal().problems.map(({ code, path }) => [code, path])).toEqual([['READ_ONLY', 'usr']]);
    // Nothing of the image goes there: only the old file would have to leave.
    execFileSync('rm', ['-r', `${small.options.image}/usr`]);
    expect(small.refusal().problems.map(({ code, path }) => [code, path])).toEqual([['READ_ONLY', 'usr']]);
  } finally {
    unmount(usr);
  }
});

rootTest('a database on a read-only file system is told too, with its lock (E.8, J.3)', () => {
  using small = new Small();
  const db = `${small.root}/var/db`;
  mountTmpfs(db);
  try {
    mkdirSync(`${db}/pkg`);
    remount(db, 'ro');
    expect(small.refusal().message).toMatch(/cannot (lock|make) `var\/db\/.*EROFS/);
  } finally {
    unmount(db);
  }
});
