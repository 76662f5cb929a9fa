/** Builds a world, merges in it, and tells what came out otherwise than specified. */
import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import { type FsPort, MergeError, mergeSync, recoverSync } from '@emplace/merge-core';
import { type MemoryPort, memoryPort } from '../../../packages/merge-core/src/fs/memory.ts';
import { type Place, type Specified, specified } from './model.ts';
import { build, differences, look, type Node, type Tree } from './tree.ts';
import type { Asked, World } from './world.ts';

export type Outcome = 'old' | 'new';

export interface Played {
  readonly outcome: Outcome;
  readonly wrong: readonly string[];
}

/** Two empty directories and what works between them. */
export interface Scene {
  readonly fs: FsPort;
  readonly image: string;
  readonly root: string;
  readonly place: Place;
  readonly makeSocket: (path: string) => void;
}

/** @param engine the port that the merge gets, the scene's own by default */
export function play(scene: Scene, world: World, engine: FsPort = scene.fs): Played {
  build(scene.fs, scene.root, world.old, scene.makeSocket);
  build(scene.fs, scene.image, world.fresh, scene.makeSocket);
  const [root, image] = [look(scene.fs, scene.root), look(scene.fs, scene.image)];
  return judge(scene, world.asked, root, image, specified(root, image, world.asked, scene.place), engine);
}

function judge(scene: Scene, asked: Asked, root: Tree, image: Tree, wanted: Specified, engine: FsPort): Played {
  const refused = merge(scene, asked, engine);
  const after = { root: look(scene.fs, scene.root), image: look(scene.fs, scene.image) };
  const merged = refused === undefined;
  const wrong: string[] = [];
  if (merged && wanted.refusals.size > 0)
    wrong.push(`merged, and should be refused: ${[...wanted.refusals].join(' or ')}`);
  if (!merged && !wanted.refusals.has(refused.code)) wrong.push(`refused: ${refused.code} ${refused.message}`);
  else if (merged) {
    wrong.push(...differences(wanted.root, after.root, wanted.split).map((line) => `root ${line}`));
    wrong.push(...differences(wanted.image, after.image).map((line) => `image ${line}`));
  } else {
    wrong.push(...differences(root, after.root).map((line) => `refused, and root ${line}`));
    wrong.push(...differences(image, after.image).map((line) => `refused, and image ${line}`));
  }
  return { outcome: merged ? 'new' : 'old', wrong };
}

function merge({ image, root }: Scene, asked: Asked, fs: FsPort): MergeError | undefined {
  try {
    mergeSync({ ...asked, exclude: [...asked.exclude], image: bytesOf(image), root: bytesOf(root), sync: 'none', fs });
    return undefined;
  } catch (error) {
    if (error instanceof MergeError) return error;
    throw error;
  }
}

function bytesOf(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

const IMAGE = '/image/i';
const ROOT = '/root';

/** In memory also: what is there when it is stopped at any call, and what recovery makes of that. */
export function playInMemory(world: World, sabotage: (fs: FsPort) => FsPort = (fs) => fs): Played {
  const pristine = memoryPort(world.apart ? { mounts: [{ path: '/image' }] } : {});
  const top = pristine.openRoot('/' as never);
  for (const name of ['image', 'root'])
    if (pristine.stat(top, name as never) === undefined) pristine.mkdir(top, name as never, 0o755);
  const above = pristine.openDir(top, 'image' as never);
  pristine.mkdir(above, 'i' as never, 0o755);
  pristine.closeDir(above);
  pristine.closeDir(top);
  const makeSocket = (path: string): void => pristine.makeSocket(path);
  build(pristine, ROOT, world.old, makeSocket);
  build(pristine, IMAGE, world.fresh, makeSocket);
  const [root, image] = [look(pristine, ROOT), look(pristine, IMAGE)];
  const place = { renames: !world.apart, reflinks: !world.apart };
  const fs = pristine.clone();
  const counted = countCalls(fs);
  const scene = { fs, image: IMAGE, root: ROOT, place, makeSocket };
  const played = judge(scene, world.asked, root, image, specified(root, image, world.asked, place), sabotage(counted));
  const wrong = [...played.wrong];
  if (fs.openHandles() > 0) wrong.push(`${fs.openHandles()} handles are open`);
  if (wrong.length === 0)
    wrong.push(...stopped(pristine, world, counted.calls, { before: root, after: look(fs, ROOT) }, sabotage));
  return { outcome: played.outcome, wrong };
}

interface Trees {
  readonly before: Tree;
  readonly after: Tree;
}

/** (G2), (G1), (G3): stopped at a call each name is old or new, and recovered all of them are. */
function stopped(
  fs: MemoryPort,
  { asked, stop }: World,
  calls: number,
  trees: Trees,
  sabotage: (fs: FsPort) => FsPort,
): string[] {
  const at = 1 + (stop % calls);
  const scene = { fs, image: IMAGE, root: ROOT, place: { renames: true, reflinks: true }, makeSocket: () => {} };
  try {
    merge(scene, asked, sabotage(stopAfter(fs, at)));
  } catch (error) {
    if (!wasStopped(error)) throw error;
  }
  fs.crash();
  const wrong = neitherOf(trees, look(fs, ROOT)).map((path) => `neither old nor new: ${JSON.stringify(path)}`);
  recoverSync({ root: ROOT, fs });
  const found = timeless(look(fs, ROOT));
  const [old, fresh] = [trees.before, trees.after].map((tree) => differences(timeless(tree), found));
  if (old?.[0] !== undefined && fresh?.[0] !== undefined)
    wrong.push(`neither the old tree (${old[0]}) nor the new (${fresh[0]})`);
  return wrong.map((what) => `stopped at call ${at}: ${what}`);
}

/** Names at which something else is than before or after, or nothing. Attributes of directories come when all names are there. */
function neitherOf({ before, after }: Trees, now: Tree): string[] {
  const isOne = (path: string, one: Node | undefined): boolean => {
    const is = now.get(path);
    if (one === undefined || is === undefined) return one === is;
    return one.type === is.type && one.body === is.body && (one.type === 'directory' || one.owner === is.owner);
  };
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => !isOne(path, before.get(path)) && !isOne(path, after.get(path)),
  );
}

function timeless(tree: Tree): Tree {
  return new Map(Array.from(tree, ([path, node]) => [path, node.type === 'directory' ? { ...node, time: '' } : node]));
}

function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  if (error instanceof SuppressedError) return wasStopped(error.error) || wasStopped(error.suppressed);
  return error instanceof MergeError && wasStopped(error.cause);
}
