/** Two processes: either may be killed, stopped or left waiting by the kernel, and the root is one tree or the other. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  bigTree,
  compareTrees,
  mountTmpfs,
  snapshotTree,
  type TemporaryDirectory,
  type TreeSnapshot,
  temporaryDirectory,
  unmount,
} from '@emplace/fixtures';
import { type FuseRule, mountFuse } from '@emplace/fixtures/fuse';
import { isRoot, rootTest, testWith } from '@emplace/fixtures/jest';
import { recover } from '@emplace/merge-core';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { emplace, gone, HELD, isAlive, kill, start, twoTrees, waitsWhile } from './running.ts';

const SEED = 20_261_121;

/** Of hundreds of merges: they take a minute where nothing else runs. */
const TIMEOUT_MS = 600_000;

/** Trees on a tmpfs, copied for each run: 300 files of every kind, in two versions. */
class Trees {
  readonly work: TemporaryDirectory;
  readonly old: TreeSnapshot;
  readonly new: TreeSnapshot;

  constructor() {
    this.work = temporaryDirectory();
    mountTmpfs(this.work.make('fs'), 'mode=0755,size=1g');
    bigTree(this.work.make('fs/v1'), { files: 300, version: 1, seed: SEED });
    bigTree(this.work.make('fs/v2'), { files: 300, version: 2, seed: SEED });
    this.fresh();
    this.old = snapshotTree(this.root);
    expect(spawnSync(emplace, this.merge()).status).toBe(0);
    this.new = snapshotTree(this.root);
  }

  get root(): string {
    return this.work.at('fs/root');
  }

  merge(...more: readonly string[]): string[] {
    return ['merge', this.work.at('fs/image'), '--root', this.root, '--sync', 'none', ...more];
  }

  fresh(): void {
    for (const name of ['root', 'image']) expect(spawnSync('rm', ['-rf', this.work.at(`fs/${name}`)]).status).toBe(0);
    for (const [from, to] of [
      ['v1', 'root'],
      ['v2', 'image'],
    ] as const)
      expect(spawnSync('cp', ['-a', this.work.at(`fs/${from}`), this.work.at(`fs/${to}`)]).status).toBe(0);
  }

  /** Which of the two it is, exactly; times of directories change with every name that comes and goes. */
  found(): 'old' | 'new' | string[] {
    const now = snapshotTree(this.root);
    const differences = (wanted: TreeSnapshot): string[] =>
      compareTrees(wanted, now, { ignore: { directoryMtimes: true } });
    if (differences(this.old).length === 0) return 'old';
    const rest = differences(this.new);
    return rest.length === 0 ? 'new' : rest;
  }
}

describe('with 300 files of every kind', () => {
  let trees: Trees;
  beforeAll(() => {
    if (isRoot) trees = new Trees();
  }, 300_000);
  afterAll(() => {
    if (!isRoot) return;
    unmount(trees.work.at('fs'));
    trees.work[Symbol.dispose]();
  });

  /** How long a merge works, from its mover's first event to its end. */
  async function workMs(): Promise<number> {
    trees.fresh();
    const run = start(trees.merge());
    await run.mover;
    const started = performance.now();
    await run.ended;
    return performance.now() - started;
  }

  /** Where a merge is held in its first rounds, and which tree there is then: how far it gets in a time nobody knows. */
  const held = (['pre-commit', 'post-commit'] as const).flatMap((phase) =>
    Array.from({ length: 3 }, () => ({ phase, tree: phase === 'pre-commit' ? 'old' : 'new' })),
  );

  /** A merge that is where a round wants it: held, or after a time of `span`. `letGo` ends that. */
  async function mergeUntil(round: number, moment: number) {
    trees.fresh();
    const shut = trees.work.at('shut');
    const phase = held[round]?.phase;
    const run = start(trees.merge(...(phase === undefined ? [] : waitsWhile(shut, phase))));
    const mover = await run.mover;
    await (phase === undefined ? sleep(moment) : run.saw(HELD));
    return { ...run, mover, letGo: () => rmSync(shut, { force: true }) };
  }

  rootTest(
    'either process killed at 100 moments: the other ends by itself, and what it says is so (G1, G3)',
    async () => {
      const span = await workMs();
      for (let round = 0; round < 100; round++) {
        const run = await mergeUntil(round, (span * (round >> 1)) / 50);
        const { mover } = run;
        const victim = round % 2 === 0 ? mover : (run.child.pid ?? 0);
        kill(victim, 'SIGKILL');
        run.letGo();
        const { status, signal, told } = await run.ended;
        await gone(mover);
        // A command that was not killed itself has left nothing to do, and tells the truth about it.
        const said = status === 0 ? 'new' : 'old';
        if (signal === null && status !== 5)
          expect({ round, status, told, tree: trees.found() }).toMatchObject({ tree: said });
        if (status === 4) expect(told).toContain('MOVER_DIED. ');
        await recoverWhenFree(trees.root);
        const tree = trees.found();
        expect(['old', 'new']).toContainEqual(tree);
        expect({ round, tree }).toEqual({ round, tree: held[round]?.tree ?? tree });
        expect(readdirSync(trees.root).filter((name) => name.startsWith('.emplace'))).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  rootTest(
    'SIGTERM, SIGINT or SIGHUP at 200 moments: exit code and message say which tree there is',
    async () => {
      const span = await workMs();
      for (let round = 0; round < 200; round++) {
        const run = await mergeUntil(round, (span * round) / 200);
        const [signal, code] = (
          [
            ['SIGTERM', 143],
            ['SIGINT', 130],
            ['SIGHUP', 129],
          ] as const
        )[round % 3] ?? ['SIGTERM', 143];
        run.child.kill(signal);
        // A second one breaks nothing.
        if (round % 2 === 0) run.child.kill(signal);
        run.letGo();
        const { status, told } = await run.ended;
        const tree = trees.found();
        // Its very last moment is nobody's: Node has given the signals back to the kernel, and all is done.
        if ((status === 0 || status === null) && held[round] === undefined) expect(['old', 'new']).toContainEqual(tree);
        else {
          expect(status).toBe(code);
          const sentence = tree === 'old' ? 'the old tree is back' : 'it came too late: all is done';
          expect(told).toContain(`stopped by ${signal}: ${sentence}`);
          expect({ round, tree }).toEqual({ round, tree: held[round]?.tree ?? tree });
        }
        expect(readdirSync(trees.root).filter((name) => name.startsWith('.emplace'))).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  rootTest('signals that ask for nothing end no wait: the merge is as without', async () => {
    trees.fresh();
    const run = start(trees.merge());
    const mover = await run.mover;
    let running = true;
    void run.ended.then(() => {
      running = false;
    });
    for (let sent = 0; running && sent < 1_000; sent++) {
      for (const signal of ['SIGCHLD', 'SIGWINCH', 'SIGURG', 'SIGCONT'] as const) {
        for (const pid of [run.child.pid ?? 0, mover]) kill(pid, signal);
      }
      await new Promise(setImmediate);
    }
    expect((await run.ended).status).toBe(0);
    expect(trees.found()).toBe('new');
  });

  rootTest('a suspended merge keeps its lock, however old it looks, and goes on (G5)', async () => {
    const run = await mergeUntil(0, 0);
    const { mover } = run;
    for (const pid of [mover, run.child.pid ?? 0]) kill(pid, 'SIGSTOP');
    // Of what root has here (containers have less), what a merge needs.
    const needed = [0, 1, 2, 3, 4, 19, 21, 24, 27, 31];
    const ours = capabilitiesOf(process.pid);
    expect(capabilitiesOf(mover)).toEqual(needed.filter((number) => ours.includes(number)));
    expect(ours.length).toBeGreaterThan(needed.length);
    const announced = `${trees.root}/.emplace/announced`;
    utimesSync(announced, new Date(0), new Date(0));
    const second = await start(trees.merge()).ended;
    // Who holds it, and for whom.
    expect(second.status).toBe(6);
    expect(second.told).toMatch(
      new RegExp(`: process ${mover} \\(.*, for process ${run.child.pid} \\(.*merge.* since "`),
    );
    expect((await start(trees.merge('--lock-timeout', '1')).ended).status).toBe(6);
    for (const pid of [mover, run.child.pid ?? 0]) kill(pid, 'SIGCONT');
    run.letGo();
    expect((await run.ended).status).toBe(0);
    expect(trees.found()).toBe('new');
  });

  rootTest('a merge that waits for the lock gets it when the other has ended', async () => {
    const first = await mergeUntil(0, 0);
    const second = start(['recover', '--root', trees.root, '--lock-timeout', '60']);
    const waits = once(createInterface({ input: second.child.stderr as NonNullable<ChildProcess['stderr']> }), 'line');
    expect(String(await waits)).toContain('"type":"waiting"');
    first.letGo();
    expect((await first.ended).status).toBe(0);
    expect((await second.ended).status).toBe(0);
  });

  testWith(
    { root: true, tools: ['strace'] },
    'a mover loads nothing once its journal is there: a merge may replace what it runs from',
    () => {
      trees.fresh();
      const trace = trees.work.at('trace');
      const strace = ['-f', '-qq', '-s', '4096', '-e', 'trace=openat,openat2,execve', '-e', 'signal=none', '-o', trace];
      expect(spawnSync('strace', [...strace, emplace, ...trees.merge()]).status).toBe(0);
      const lines = readFileSync(trace, 'latin1').split('\n');
      const begun = lines.findIndex((line) => line.includes('"journal.new"'));
      const mover = lines[begun]?.split(' ')[0];
      const loaded = lines
        .slice(begun)
        .filter(
          (line) =>
            line.startsWith(`${mover} `) &&
            /\.(?:[cm]?js|ts|json|node|so[.\d]*)"/.test(line) &&
            !line.includes('ENOENT'),
        )
        .filter((line) => !/openat\(\d+, "/.test(line));
      expect(begun).toBeGreaterThan(0);
      expect(loaded).toEqual([]);
    },
  );

  rootTest('the terminal’s stop suspends both, and both go on', async () => {
    trees.fresh();
    const run = start(trees.merge());
    const mover = await run.mover;
    run.child.kill('SIGTSTP');
    const stateOf = (pid: number): string | undefined =>
      isAlive(pid) ? readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] : 'gone';
    const both = (): (string | undefined)[] => [mover, run.child.pid ?? 0].map(stateOf);
    while (!both().every((state) => state === 'T' || state === 'gone')) await sleep(2);
    run.child.kill('SIGCONT');
    expect((await run.ended).status).toBe(0);
    expect(trees.found()).toBe('new');
  });
});

describe('a call that never returns (G10)', () => {
  const hold = (path: string, ...operations: FuseRule['operation'][]): FuseRule[] =>
    operations.map((operation) => ({ operation, path, answer: 'hold' }));

  rootTest(
    'of a file system that is merged into: the caller is back, and the old tree is, once it answers',
    async () => {
      using work = temporaryDirectory();
      await using fuse = await mountFuse(work.at('fuse'));
      expect(spawnSync('cp', ['-a', '--', ...twoTrees(work), `${fuse.path}/`]).status).toBe(0);
      await fuse.rules(hold('^/root/d/b$', 'RENAME', 'RENAME2'));
      const run = start(['merge', `${fuse.path}/image`, '--root', `${fuse.path}/root`, '--stall-timeout', '3']);
      const mover = await run.mover;
      const { status, told } = await run.ended;
      expect(status).toBe(5);
      expect(told).toContain('STALLED. ');
      expect(told).toMatch(
        /rename\w* `.*\/image\/d\/b` → `.*\/root\/d\/b` \(fuse.* on .*\) did not return within \d+ ms/,
      );
      expect(told).toContain(`process ${mover} that waits for it cannot be killed (state D`);
      // Its lock holds until the kernel lets go of it.
      expect((await start(['recover', '--root', `${fuse.path}/root`]).ended).status).toBe(6);
      await fuse.rules([]);
      await fuse.release();
      await gone(mover);
      expect((await start(['recover', '--root', `${fuse.path}/root`]).ended).status).toBe(0);
      const after = ['a', 'b', 'c'].map((name) => readFileSync(`${fuse.path}/root/d/${name}`, 'utf8'));
      expect([
        ['old', 'old', 'old'],
        ['new', 'new', 'new'],
      ]).toContainEqual(after);
      expect(readdirSync(`${fuse.path}/root`)).toEqual(['d']);
    },
  );

  rootTest('of a file system that is merged from: the caller is back, the tree is the old one', async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('fuse'));
    const [image, root] = twoTrees(work);
    expect(spawnSync('cp', ['-a', '--', image, `${fuse.path}/`]).status).toBe(0);
    await fuse.rules(hold('^/image/d/b$', 'OPEN'));
    const run = start(['merge', `${fuse.path}/image`, '--root', root, '--stall-timeout', '3']);
    const mover = await run.mover;
    const { status, told } = await run.ended;
    // It was planning: nothing of the root was changed.
    expect(status).toBe(3);
    expect(told).toMatch(/openFile `.*\/image\/d\/b` \(fuse.* on .*\) did not return within \d+ ms/);
    await fuse.abort();
    await gone(mover);
    expect((await start(['recover', '--root', root]).ended).status).toBe(0);
    for (const name of ['a', 'b', 'c']) expect(readFileSync(`${root}/d/${name}`, 'utf8')).toBe('old');
    expect(readdirSync(root)).toEqual(['d']);
  });
});

describe('a file system that is slow and lets itself be interrupted', () => {
  const operations = ['RENAME', 'RENAME2', 'LINK', 'UNLINK', 'MKDIR', 'CREATE', 'SETATTR', 'OPEN', 'RMDIR'] as const;
  const signals = ['SIGCHLD', 'SIGWINCH', 'SIGURG', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const;

  rootTest('is merged into as without the thousands of signals that came meanwhile', async () => {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('fuse'));
    expect(spawnSync('cp', ['-a', '--', ...twoTrees(work), `${fuse.path}/`]).status).toBe(0);
    const shut = work.at('shut');
    const trees = [`${fuse.path}/image`, '--root', `${fuse.path}/root`];
    const run = start(['merge', ...trees, ...waitsWhile(shut, 'pre-stage')]);
    const mover = await run.mover;
    await run.saw(HELD);
    // A call that has a handler's signal in its middle is answered EINTR; one that waits for nobody else is let go.
    await fuse.rules(operations.map((operation) => ({ operation, path: '', answer: 'hold-interruptible' })));
    rmSync(shut);
    while (isAlive(mover)) {
      for (const signal of signals) kill(mover, signal);
      await fuse.release();
    }
    // What the supervisor does in the end is not what is asked here.
    await fuse.rules([]);
    await fuse.release();
    const { status, told } = await run.ended;
    expect({ status, told }).toEqual({ status: 0, told: '' });
    expect((await fuse.counts()).INTERRUPT).toBeGreaterThan(0);
    for (const name of ['a', 'b', 'c']) expect(readFileSync(`${fuse.path}/root/d/${name}`, 'utf8')).toBe('new');
    expect(readdirSync(`${fuse.path}/root`)).toEqual(['d']);
  });
});

/** Which capabilities(7) a process has, by number. */
function capabilitiesOf(pid: number): number[] {
  const mask = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]}`);
  return Array.from({ length: 64 }, (_, number) => number).filter((number) => (mask >> BigInt(number)) & 1n);
}

/** What was killed holds its lock until the last of its threads is gone. */
async function recoverWhenFree(root: string): Promise<void> {
  await recover({ root, sync: 'none', inProcess: true, lockTimeoutMs: 30_000 });
}
