/**
 * The specification of a merge, small and slow: what the root and the image must be afterwards, or which refusals there
 * may be. Made from docs and DESIGN's decision table alone; it shares nothing with the engine and plans nothing.
 *
 * Not modelled: order, time and way of what is done, warnings and counts, permissions of users, mounts, room.
 */
import { ANY, ANY_MODE, type Node, nameOf, parentOf, type Tree } from './tree.ts';
import type { Asked } from './world.ts';

/** What the place of image and root allows. */
export interface Place {
  readonly renames: boolean;
  readonly reflinks: boolean;
}

export interface Specified {
  /** Empty: it has to succeed. */
  readonly refusals: ReadonlySet<string>;
  readonly root: Tree;
  readonly image: Tree;
  /** What was one inode in the image may be several in the root. */
  readonly split: boolean;
}

/** What each glob that worlds use says, in words of its own. */
const GLOBS: Readonly<Record<string, (path: string) => boolean>> = {
  c: (path) => nameOf(path) === 'c',
  '/b': (path) => path === 'b',
  'etc/*': (path) => parentOf(path) === 'etc',
  '*.so.*': (path) => nameOf(path).includes('.so.'),
};

const MAKES = ['copy', 'reflink', 'hardlink'];

export function specified(root: Tree, image: Tree, asked: Asked, place: Place): Specified {
  const refusals = new Set<string>();
  const { strategy } = asked;
  if (strategy === 'hardlink' && !asked.hardlink) refusals.add('BAD_OPTION');
  if (strategy !== 'auto' && !MAKES.includes(strategy) && asked.keepImage) refusals.add('BAD_OPTION');
  const works = strategy === 'auto' || strategy === 'copy' || (strategy === 'reflink' ? place.reflinks : place.renames);
  if (!works && refusals.size === 0) refusals.add('STRATEGY_IMPOSSIBLE');
  const merging = new Merging(root, image, asked, refusals);
  merging.directory('', '');
  merging.checkLandings();
  const makes = strategy === 'copy' || strategy === 'reflink' || !place.renames || asked.keepImage || merging.copies;
  return {
    refusals,
    root: merging.result(),
    image: asked.keepImage ? image : merging.left(),
    split: makes && !asked.hardlink,
  };
}

class Merging {
  readonly root: Tree;
  readonly image: Tree;
  readonly asked: Asked;
  readonly refusals: Set<string>;
  readonly after: Map<string, Node>;
  /** Entries of the image that stay there. */
  readonly staying = new Set<string>();
  /** Names of the root, and the entries of the image that land there. */
  readonly landed = new Map<string, string[]>();
  /** Names of the root whose entry is not what it was. */
  readonly lost = new Set<string>();
  /** Something has to be copied that could be renamed otherwise. */
  copies = false;

  constructor(root: Tree, image: Tree, asked: Asked, refusals: Set<string>) {
    this.root = root;
    this.image = image;
    this.asked = asked;
    this.refusals = refusals;
    this.after = new Map(Array.from(root, ([path, node]) => [path, { ...node, inode: `root ${node.inode}` }]));
  }

  /** Merges a directory of the image into a name of the root that is a directory, or will be one. */
  directory(from: string, to: string): void {
    const standing = this.after.get(to);
    // Names come and go in it.
    if (standing !== undefined && this.root.get(to)?.type === 'directory')
      this.after.set(to, { ...standing, time: this.#timeOf(from, to) });
    for (const [path, node] of this.image) {
      if (path !== '' && parentOf(path) === from)
        this.#entry(path, node, to === '' ? nameOf(path) : `${to}/${nameOf(path)}`);
    }
  }

  #timeOf(from: string, to: string): string {
    return to !== '' && this.asked.directories === 'image' ? (this.image.get(from)?.time ?? ANY) : ANY;
  }

  #entry(path: string, node: Node, to: string): void {
    if (this.asked.exclude.some((glob) => GLOBS[glob]?.(path))) return void this.staying.add(path);
    if (to === '.emplace') return void this.refusals.add('IMAGE_COLLISION');
    if (node.type === 'socket') return void this.staying.add(path);
    this.landed.set(to, [...(this.landed.get(to) ?? []), path]);
    const old = this.root.get(to);
    if (node.type === 'directory') this.#enter(path, node, to, old);
    else this.#place(node, to, old);
  }

  #enter(path: string, node: Node, to: string, old: Node | undefined): void {
    if (old?.type === 'directory') {
      if (this.asked.directories === 'image') this.#adopt(to, node);
      this.directory(path, to);
      return;
    }
    if (old?.type === 'symlink') {
      const leads = this.#follow(to);
      if (leads === 'SYMLINK_LOOP' || leads === 'UNSAFE_SYMLINK') return void this.refusals.add(leads);
      if (this.root.get(leads.path)?.type === 'directory') {
        if (leads.path !== '') this.landed.set(leads.path, [...(this.landed.get(leads.path) ?? []), path]);
        if (this.asked.directories === 'image' && leads.path !== '') this.#adopt(leads.path, node);
        this.directory(path, leads.path);
        return;
      }
    }
    if (old !== undefined) {
      const whole = this.#goesWhole(path);
      const moves = ['rename', 'double-rename'].includes(this.asked.strategy);
      if (!this.asked.replaceTypes || (moves && !whole)) return void this.refusals.add('TYPE_CONFLICT');
      this.copies ||= !whole;
      this.#lose(to);
    }
    this.after.set(to, { ...node, inode: `image ${node.inode}` });
    this.directory(path, to);
  }

  /** A directory that changes places with something else does so by one rename: nothing of it may stay behind, or it is copied. */
  #goesWhole(path: string): boolean {
    const below = [...this.image].filter(([at]) => at.startsWith(`${path}/`));
    return !below.some(([at, { type }]) => type === 'socket' || this.asked.exclude.some((glob) => GLOBS[glob]?.(at)));
  }

  #adopt(to: string, { mode, owner, xattrs, time }: Node): void {
    const is = this.after.get(to);
    if (is !== undefined) this.after.set(to, { ...is, mode, owner, xattrs, time });
  }

  #place(node: Node, to: string, old: Node | undefined): void {
    if (old?.type === 'directory') {
      const below = [...this.root.keys()].filter((at) => at.startsWith(`${to}/`));
      if (below.length > 0 && !this.asked.replaceTypes) return void this.refusals.add('TYPE_CONFLICT');
      for (const at of below) this.#lose(at);
    }
    if (old !== undefined) this.#lose(to);
    const same = old !== undefined && isSame(node, old);
    this.after.set(to, { ...node, inode: `image ${node.inode}`, ...(same && { data: ANY }) });
  }

  #lose(path: string): void {
    this.after.delete(path);
    this.lost.add(path);
  }

  /** Two entries on one name are refused, unless they are two directories or the same but for their time. */
  checkLandings(): void {
    for (const [to, paths] of this.landed) {
      const [first, ...others] = [...new Set(paths)].map((path) => this.image.get(path));
      if (first === undefined) continue;
      const old = this.root.get(to)?.type;
      if (first.type !== 'directory' || others.some(({ type } = first) => type !== 'directory')) {
        const twins =
          first.type !== 'directory' && others.every((other) => other !== undefined && isSame(first, other));
        const under = [...this.landed.keys()].some((at) => at.startsWith(`${to}/`));
        if (!twins || under) this.refusals.add('IMAGE_COLLISION');
        else if (others.length > 0) this.#blur(to, { time: ANY, data: ANY, inode: ANY });
      } else if (others.length > 0) {
        // A symlink may be gone through twice, what it leads to may be; a swap happens once.
        if (old !== undefined && old !== 'directory' && old !== 'symlink') this.refusals.add('IMAGE_COLLISION');
        else if (old === 'symlink' && this.after.get(to)?.type === 'directory') this.refusals.add('IMAGE_COLLISION');
        else if (
          this.after.get(to)?.type === 'directory' &&
          to !== '' &&
          (old === undefined || this.asked.directories === 'image')
        )
          this.#blur(to, { time: ANY, xattrs: ANY, owner: ANY, mode: ANY_MODE });
      }
    }
  }

  #blur(to: string, blurred: Partial<Node>): void {
    const is = this.after.get(to);
    if (is !== undefined) this.after.set(to, { ...is, ...blurred });
  }

  /** Replaced programs lose what makes them powerful, under names that they keep as well. */
  result(): Tree {
    const inodes = new Set([...this.lost].map((path) => `root ${this.root.get(path)?.inode}`));
    const disarmed = ([path, node]: [string, Node]): [string, Node] => {
      if (node.type !== 'file' || !inodes.has(node.inode) || (node.mode & 0o6111) === 0) return [path, node];
      const mode = (node.mode & 0o6000) === 0 ? node.mode : node.mode & 0o777;
      const xattrs = node.xattrs
        .split(',')
        .filter((one) => !one.startsWith('security.capability='))
        .join();
      return [path, { ...node, mode, xattrs }];
    };
    return new Map([...this.after].map(disarmed));
  }

  /** What stays of an image that is consumed: what was left out, and the directories above it. */
  left(): Tree {
    const stays = (path: string): boolean => [...this.staying].some((at) => at === path || path.startsWith(`${at}/`));
    const holds = (path: string): boolean => path === '' || [...this.staying].some((at) => at.startsWith(`${path}/`));
    const kept = [...this.image].filter(([path]) => stays(path) || holds(path));
    return new Map(kept.map(([path, node]) => [path, stays(path) ? node : { ...node, time: ANY }]));
  }

  /** As if the root were `/`. Only what root or the owner of its directory made is followed, and a user's link only to what is his. */
  #follow(link: string): { readonly path: string } | 'SYMLINK_LOOP' | 'UNSAFE_SYMLINK' {
    let at = parentOf(link);
    const steps = [nameOf(link)];
    /** Users whose links were followed: those lead to what is theirs, or nowhere. */
    const users = new Set<string>();
    const arrived = (path: string): { readonly path: string } | 'UNSAFE_SYMLINK' => {
      const { owner } = this.root.get(path) ?? (this.root.get(at) as Node);
      return [...users].every((user) => user === owner) ? { path } : 'UNSAFE_SYMLINK';
    };
    for (let links = 0; steps.length > 0; ) {
      const step = steps.shift() ?? '';
      if (step === '' || step === '.') continue;
      if (step === '..') {
        at = parentOf(at);
        continue;
      }
      const next = at === '' ? step : `${at}/${step}`;
      const node = this.root.get(next);
      if (node?.type === 'directory') {
        at = next;
      } else if (node?.type === 'symlink') {
        const above = this.root.get(at);
        if (above === undefined) throw new Error(`${at} has no entry`);
        const { mode, owner } = above;
        const othersMayBringIt = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !owner.endsWith(':0'));
        if (othersMayBringIt || (node.owner !== '0:0' && node.owner !== owner)) return 'UNSAFE_SYMLINK';
        if (node.owner !== '0:0') users.add(node.owner);
        if (++links > 40) return 'SYMLINK_LOOP';
        if (node.body.startsWith('/')) at = '';
        steps.unshift(...node.body.split('/'));
      } else {
        return arrived(next);
      }
    }
    return arrived(at);
  }
}

/** All but the time. */
function isSame(a: Node, b: Node): boolean {
  return (['type', 'mode', 'owner', 'body', 'xattrs'] as const).every((key) => a[key] === b[key]);
}
