/** Processes that all merge on one root, while some are killed and some suspended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomOf } from '@emplace/fixtures';
import { gone, isAlive, kill } from '../../src/running.ts';

const merger = fileURLToPath(new URL('./merger.ts', import.meta.url));

const GOES_ON_MAX = 4;

export interface Crowd {
  /** Of `root` and `images`. */
  readonly place: string;
  readonly members: number;
  readonly seed: number;
  readonly ms: number;
  /** Then they go on until that holds, {@link GOES_ON_MAX} times as long at most. */
  readonly isEnough?: (report: CrowdReport) => boolean;
  readonly locks: 'locked' | 'unlocked';
  /** Whether some are killed and suspended. */
  readonly harassed: boolean;
}

export interface CrowdReport {
  /** How often each outcome or error code was the end of an operation, with a message of each code. */
  readonly ended: Map<string, number>;
  readonly messages: Map<string, string>;
  readonly killed: { mergers: number; movers: number };
  suspended: number;
  /** What mergers said that ended of themselves before they should. */
  readonly crashes: string[];
}

interface Member {
  child: ChildProcess;
  mover: number | undefined;
  isReady: boolean;
  /** We killed it. */
  killed: boolean;
}

/** Lets them work for that long, and comes back when all of them, and what works for them, are gone. */
export async function crowd(asked: Crowd): Promise<CrowdReport> {
  const report: CrowdReport = {
    ended: new Map(),
    messages: new Map(),
    killed: { mergers: 0, movers: 0 },
    suspended: 0,
    crashes: [],
  };
  const stop = `${asked.place}/stop`;
  rmSync(stop, { force: true });
  const members: Member[] = [];
  const orphans: number[] = [];
  let isLate = false;
  const lives: Promise<void>[] = [];
  const ready = Array.from({ length: asked.members }, (_, number) => {
    const first = start(asked, number * 1000, report);
    members[number] = first.self;
    lives.push(
      (async () => {
        let { ended } = first;
        for (let life = 1; ; life++) {
          await ended;
          if (isLate) return;
          const next = start(asked, number * 1000 + life, report);
          members[number] = next.self;
          ({ ended } = next);
        }
      })(),
    );
    return first.ready;
  });
  // On a machine under load they take seconds to start.
  await Promise.all(ready);
  await harass(asked, members, orphans, report);
  isLate = true;
  writeFileSync(stop, '');
  await Promise.all(lives);
  // Who worked for one that was killed ends of itself.
  await Promise.all(orphans.map(gone));
  return report;
}

function start({ place, seed, locks }: Crowd, number: number, report: CrowdReport) {
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', merger];
  const child = spawn(process.execPath, [...node, place, String(seed + number), locks], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const self: Member = { child, mover: undefined, isReady: false, killed: false };
  const ready = Promise.withResolvers<void>();
  const said = text(child.stderr);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { mover, ended, why } = JSON.parse(line) as { mover?: number; ended?: string; why?: string };
    self.mover = mover;
    self.isReady = true;
    ready.resolve();
    if (ended === undefined) return;
    report.ended.set(ended, (report.ended.get(ended) ?? 0) + 1);
    if (why !== undefined) report.messages.set(ended, why);
  });
  const ended = once(child, 'close').then(async ([status]) => {
    ready.resolve();
    if (status !== 0 && !self.killed) report.crashes.push(await said);
  });
  return { self, ready: ready.promise, ended };
}

/** At random moments kills or suspends a merger, or the process that works for it. */
async function harass(
  { seed, harassed, ms, isEnough = () => true }: Crowd,
  members: readonly Member[],
  orphans: number[],
  report: CrowdReport,
): Promise<void> {
  const began = performance.now();
  const isOver = (): boolean => {
    const spent = performance.now() - began;
    return spent >= ms && (isEnough(report) || spent >= GOES_ON_MAX * ms);
  };
  const random = randomOf(seed, 1);
  const waking: Promise<void>[] = [];
  while (!isOver()) {
    await sleep(20 + random.integer(130));
    // Rather one that works in two processes just now: most wait for their turn.
    const busy = members.filter(({ child, mover }) => mover !== undefined && isChildOf(mover, child.pid));
    const member = random.pick(busy.length > 0 && random.chance(0.7) ? busy : members);
    if (!harassed || !member.isReady) continue;
    const { child, mover } = member;
    const isMover = mover !== undefined && busy.includes(member) && random.chance(0.7);
    const pid = isMover ? mover : child.pid;
    if (pid === undefined) continue;
    if (random.chance(0.5)) {
      report.suspended++;
      kill(pid, 'SIGSTOP');
      waking.push(sleep(10 + random.integer(400)).then(() => kill(pid, 'SIGCONT')));
    } else if (isMover) {
      report.killed.movers++;
      kill(pid, 'SIGKILL');
    } else if (random.chance(0.15)) {
      report.killed.mergers++;
      member.killed = true;
      if (mover !== undefined && isChildOf(mover, child.pid)) orphans.push(mover);
      kill(pid, 'SIGKILL');
    }
  }
  await Promise.all(waking);
}

/** A number that was a process of ours may be somebody else's by now. */
function isChildOf(pid: number, parent: number | undefined): boolean {
  try {
    const [, found] = /\) [A-Za-z] (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
    return Number(found) === parent && isAlive(pid);
  } catch {
    return false;
  }
}
