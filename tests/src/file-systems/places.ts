/** Real file systems of all kinds, for tests that run in a mount namespace of their own. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bindMount, makeLoopFs, mountTmpfs, remount, unmount } from '@emplace/fixtures';
import { type FuseTraits, LIKE_VFAT, mountFuse } from '@emplace/fixtures/fuse';

/** A directory on some file system, with two others in it to merge from and to. */
export interface Place {
  readonly name: string;
  readonly path: string;
  /** Holds a file `seed`, to be read where nothing can be made. */
  readonly source: string;
  readonly target: string;
  /** Runs `act` with a path by which things can be put into the directory, read-only or in a lower layer as it may be. */
  prepare(act: (path: string) => void): void;
}

export interface Places extends AsyncDisposable {
  readonly all: readonly Place[];
}

/** What {@link mountPlaces} calls. */
export const placesNeed = { root: true, tools: ['bindfs', 'btrfs', 'gcc', 'mkfs.btrfs', 'mkfs.ext4', 'mkfs.xfs'] };

/** Mounts all of them below the directory `top`, until they are disposed of. Takes about a second. */
export async function mountPlaces(top: string): Promise<Places> {
  await using mounted = new AsyncDisposableStack();
  // One mount above all the others, which go with it: lazily, for what serves a passthrough ends after its mount.
  mountTmpfs(top);
  mounted.defer(() => void execFileSync('umount', ['--recursive', '--lazy', top], { stdio: 'pipe' }));
  const layout = new Layout(top);
  addDisks(layout);
  addMemory(layout);
  addOverlay(layout);
  addBindMounts(layout);
  for (const [name, traits] of Object.entries(fuseTraits)) {
    layout.add(name, mounted.use(await mountFuse(layout.at(name), { traits })).path);
  }
  addPassthrough(layout);
  const kept = mounted.move();
  return { all: layout.places, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const fuseTraits: Readonly<Record<string, FuseTraits>> = {
  fuse: {},
  'fuse like vfat': LIKE_VFAT,
  'fuse without rename flags': { noRenameFlags: true },
  'fuse with short names': { nameMax: 40 },
};

/** Blocks of 1 KiB, the default for a small disk, would make other holes than the other file systems have. */
const BLOCKS = ['-b', '4096'];

class Layout {
  readonly places: Place[] = [];
  readonly #top: string;

  constructor(top: string) {
    this.#top = top;
  }

  at(name: string): string {
    return join(this.#top, name);
  }

  make(name: string): string {
    mkdirSync(this.at(name), { recursive: true });
    return this.at(name);
  }

  /** Makes a place at a path, which may be there. */
  add(name: string, path: string, prepare: Place['prepare'] = (act) => act(path)): void {
    const place = { name, path, source: join(path, 'source'), target: join(path, 'target'), prepare };
    for (const dir of [place.source, place.target]) mkdirSync(dir, { recursive: true });
    writeFileSync(join(place.source, 'seed'), randomBytes(4096));
    this.places.push(place);
  }
}

function addDisks(layout: Layout): void {
  const at = (name: string): string => layout.at(name);
  makeLoopFs('ext4', 512, at('ext4'), { mkfs: BLOCKS });
  makeLoopFs('ext4', 128, at('small inodes'), { mkfs: [...BLOCKS, '-I', '128'] });
  makeLoopFs('ext2', 128, at('ext2'), { mkfs: BLOCKS });
  makeLoopFs('xfs', 512, at('xfs'));
  makeLoopFs('btrfs', 512, at('btrfs'));
  makeLoopFs('ext4', 64, at('read-only ext4'), { mkfs: BLOCKS });
  layout.add('ext4', at('ext4'));
  layout.add('ext4 with inodes of 128 bytes', at('small inodes'));
  layout.add('ext2', at('ext2'));
  layout.add('xfs', at('xfs'));
  for (const name of ['btrfs', 'another subvolume of btrfs']) {
    execFileSync('btrfs', ['subvolume', 'create', at(`btrfs/${name}`)], { stdio: 'pipe' });
    layout.add(name, at(`btrfs/${name}`));
  }
  const readOnly = at('read-only ext4');
  layout.add('read-only ext4', readOnly, (act) => {
    remount(readOnly, 'rw');
    act(readOnly);
    remount(readOnly, 'ro');
  });
  remount(readOnly, 'ro');
}

function addMemory(layout: Layout): void {
  for (const option of ['noexec', 'nosuid', 'nodev']) {
    mountTmpfs(layout.at(option), `mode=0755,${option}`);
    layout.add(`${option} tmpfs`, layout.at(option));
  }
  mountTmpfs(layout.at('tmpfs'));
  layout.add('tmpfs', layout.at('tmpfs'));
}

/** One overlay, its layers on an ext4 of their own. */
function addOverlay(layout: Layout): void {
  makeLoopFs('ext4', 512, layout.at('layers'), { mkfs: BLOCKS });
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => layout.make(`layers/${name}`));
  layout.add('the lower layer below an overlay', layout.at('layers/lower'));
  for (const dir of ['source', 'target']) layout.make(`layers/lower/held below/${dir}`);
  const merged = layout.make('merged');
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mount = (): unknown =>
    execFileSync('mount', ['-t', 'overlay', '-o', options, 'emplace-test', merged], { stdio: 'pipe' });
  mount();
  layout.add('overlay', layout.at('merged/above'));
  layout.add('directories of the lower layer of an overlay', layout.at('merged/held below'), (act) => {
    // What a lower layer is changed to under a mounted overlay does not have to show there.
    unmount(merged);
    act(layout.at('layers/lower/held below'));
    mount();
  });
  layout.add('the upper layer below an overlay', layout.at('layers/upper/above'));
}

/**
 * What a process passes on to a directory of ext4, call by call. It ends with its mount. Attributes are not cached: each
 * name has a cache of its own, where for a second an inode still has the count of links from before its second name.
 */
function addPassthrough(layout: Layout): void {
  const [passed, passthrough] = [layout.make('ext4/passed'), layout.make('passthrough')];
  execFileSync('bindfs', ['-o', 'attr_timeout=0', passed, passthrough], { stdio: 'pipe' });
  layout.add('a FUSE passthrough of ext4', layout.at('passthrough'));
}

function addBindMounts(layout: Layout): void {
  bindMount(layout.at('ext4'), layout.make('bind'));
  layout.add('a bind mount of ext4', layout.at('bind/bound'));
  bindMount(layout.at('xfs'), layout.make('read-only'));
  const readOnly = layout.at('read-only/bound');
  layout.add('a read-only bind mount of xfs', readOnly, (act) => {
    remount(layout.at('read-only'), 'bind,rw');
    act(readOnly);
    remount(layout.at('read-only'), 'bind,ro');
  });
  remount(layout.at('read-only'), 'bind,ro');
  const name = 'directories with a mounted file';
  layout.add(name, layout.at(`ext4/${name}`));
  for (const dir of ['source', 'target']) {
    const file = layout.at(`ext4/${name}/${dir}/mounted`);
    writeFileSync(file, 'covered');
    bindMount(layout.at('tmpfs/source/seed'), file);
  }
}
