/** Threads of a mover: what its supervisor sees of them, and what is left when it is ended. */
import { mkdirSync } from 'node:fs';
import {
  compareTrees,
  file,
  randomOf,
  snapshotTree,
  type TemporaryDirectory,
  temporaryDirectory,
  writeTree,
} from '@emplace/fixtures';
import { type FuseMount, type FuseRule, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect } from '@jest/globals';
import type { MergeError } from '../../src/errors.ts';
import type { MergeEvent } from '../../src/events.ts';
import { recover } from '../../src/index.ts';
import type { MergeReport } from '../../src/report.ts';
import { superviseMerge } from '../../src/supervise/supervisor.ts';
import { requestOf } from './merging.ts';

const NAMES = Array.from({ length: 40 }, (_, i) => `f${String(i).padStart(2, '0')}`);
/** Programs: what is kept of one is a link. */
const tree = (content: string) => NAMES.map((name) => file(name, `${content} ${name}`, { mode: 0o755 }));

/** More than a machine under load takes for a call that nobody holds. */
const STALL_MS = 3_000;

interface Told {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: MergeEvent) => void;
}

/** A supervised merge by several threads. @returns how it ended */
async function ended(work: TemporaryDirectory, root: string, { signal, onEvent = () => {} }: Told) {
  const request = requestOf(work, true, { root, strategy: 'copy', keepImage: true, onEvent });
  const hooks = { phases: [], reports: [], begun: new Set<never>(), run: async () => {} };
  const how = { signal, stallTimeoutMs: STALL_MS, lockTimeoutMs: 0, handshakeMs: 30_000, emit: onEvent, hooks };
  return await superviseMerge(request, how).catch((error: unknown) => error as MergeReport | MergeError);
}

/** An old tree on a served file system, a new one beside it. */
function scene(work: TemporaryDirectory, fuse: FuseMount) {
  const root = `${fuse.path}/root`;
  mkdirSync(root);
  writeTree(work.make('image'), tree('new'));
  writeTree(root, tree('old'));
  const [old, fresh] = [snapshotTree(root), snapshotTree(work.at('image'))];
  const differsFrom = (which: 'old' | 'new'): string[] => {
    const ignore = { directoryMtimes: true, attributes: ['holes'] } as const;
    return compareTrees(which === 'old' ? old : fresh, snapshotTree(root), { ignore });
  };
  return { root, differsFrom };
}

/** The call that brings the n-th entry to its staged name, keeps its old one, or removes that: threads make them. */
const callOf = {
  CREATE: 'createFile',
  LINK: 'link',
  UNLINK: 'unlink',
} as const;

function holding(operation: keyof typeof callOf, number: number): FuseRule {
  return { operation, path: `/\\.${NAMES[number]}\\.`, answer: 'hold-interruptible' };
}

describe('a call of a thread that never returns is named and ended', () => {
  for (const operation of ['CREATE', 'LINK'] as const)
    rootTest(`${callOf[operation]}: the old tree is back (G10)`, async () => {
      using work = temporaryDirectory();
      await using fuse = await mountFuse(work.at('fuse'));
      const { root, differsFrom } = scene(work, fuse);
      await fuse.rules([holding(operation, 7)]);
      const error = await ended(work, root, {});
      expect(error).toMatchObject({ code: 'STALLED', outcome: 'rolled-back' });
      expect((error as MergeError).message).toMatch(new RegExp(`${callOf[operation]} .*f07.* did not return`));
      expect(differsFrom('old')).toEqual([]);
    });
});

rootTest('a call of a thread that not even SIGKILL ends is told with where that thread is (G10)', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const { root, differsFrom } = scene(work, fuse);
  await fuse.rules([{ ...holding('CREATE', 7), answer: 'hold' }]);
  const error = await ended(work, root, {});
  await fuse.rules([]);
  await fuse.release();
  expect(error).toMatchObject({ code: 'STALLED', outcome: 'incomplete' });
  expect((error as MergeError).message).toContain('cannot be killed (state D');
  await recover({ root, sync: 'none', lockTimeoutMs: 20_000 });
  expect(differsFrom('old')).toEqual([]);
});

rootTest('a merge that is told to stop while a thread works rolls back (G1)', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const { root, differsFrom } = scene(work, fuse);
  await fuse.rules([{ ...holding('CREATE', 7), answer: 'hold' }]);
  const stop = new AbortController();
  const merging = ended(work, root, { signal: stop.signal });
  await fuse.held(1);
  stop.abort();
  await fuse.rules([]);
  await fuse.release();
  expect(await merging).toMatchObject({ code: 'INTERRUPTED', outcome: 'rolled-back' });
  expect(differsFrom('old')).toEqual([]);
});

describe('a mover that is killed while a thread is anywhere in its work leaves', () => {
  const random = randomOf(8);
  const moments = (['CREATE', 'LINK', 'UNLINK'] as const).flatMap((operation) =>
    Array.from({ length: 3 }, () => ({ operation, number: random.integer(NAMES.length) })),
  );
  for (const { operation, number } of moments) {
    const which = operation === 'UNLINK' ? 'new' : 'old';
    rootTest(`the ${which} tree (${callOf[operation]} of entry ${number}, G1, G3)`, async () => {
      using work = temporaryDirectory();
      await using fuse = await mountFuse(work.at('fuse'));
      const { root, differsFrom } = scene(work, fuse);
      await fuse.rules([holding(operation, number)]);
      let mover = 0;
      const merging = ended(work, root, {
        onEvent: (event) => {
          if (event.type === 'mover') mover = event.pid;
        },
      });
      await fuse.held(1);
      await fuse.rules([]);
      process.kill(mover, 'SIGKILL');
      expect(await merging).toMatchObject({ outcome: which === 'new' ? 'merged' : 'rolled-back' });
      expect(differsFrom(which)).toEqual([]);
    });
  }
});
