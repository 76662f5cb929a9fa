/** A merger and its hostile neighbours, for a while: the merger is killed now and then, the neighbours go on. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomOf } from '@emplace/fixtures';
import type { World } from './world.ts';

const merger = fileURLToPath(new URL('./merger.ts', import.meta.url));

/** @param program where it goes */
export function compileNeighbour(program: string): void {
  const code = fileURLToPath(new URL('./neighbour.c', import.meta.url));
  execFileSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, code]);
}

export interface Race {
  /** The program of {@link compileNeighbour}. */
  readonly program: string;
  readonly place: string;
  readonly world: World;
  readonly seed: number;
  readonly how: 'engine' | 'plain';
  /** The root directory itself is the user's. */
  readonly ownsRoot: boolean;
  readonly ms: number;
  /** Ends it before its time. */
  readonly isOver?: (report: RaceReport) => boolean;
}

export interface RaceReport {
  /** How often each outcome or error code was the end of an operation, and a message of each code. */
  readonly ended: Map<string, number>;
  readonly messages: Map<string, string>;
  /** How often neighbours had their way, by role. */
  readonly harm: Record<string, number>;
  killed: number;
  /** Setuid programs that outlived what replaced or removed them. */
  readonly kept: string[];
  /** What the merger said when it ended of itself. */
  readonly crashes: string[];
}

export async function race(asked: Race): Promise<RaceReport> {
  const report: RaceReport = { ended: new Map(), messages: new Map(), harm: {}, killed: 0, kept: [], crashes: [] };
  const until = performance.now() + asked.ms;
  const neighbours = rolesOf(asked).map((role, number) => neighbour(asked, role, number));
  const random = randomOf(asked.seed, 2);
  for (let life = 0; performance.now() < until && asked.isOver?.(report) !== true; life++) {
    const { kill, crash } = start(asked, life, report);
    await Promise.race([sleep(Math.min(1000 + random.integer(2500), until - performance.now())), crash]);
    const crashed = await kill();
    if (crashed !== '') report.crashes.push(crashed);
    else report.killed++;
  }
  for (const { role, end } of neighbours) report.harm[role] = (report.harm[role] ?? 0) + (await end());
  return report;
}

/** Arguments of each neighbour. None leads to a path that the machine itself has, should it be followed. */
function rolesOf({ world: { outside, root, stash }, ownsRoot }: Race): string[][] {
  const links = [outside, '../etc', '/etc-of-nobody', '../../etc'];
  const planting = ['srv', 'srv/a', 'srv/a/deep', 'srv/b', ...(ownsRoot ? [''] : [])].map((path) => `${root}/${path}`);
  return [
    ['swap', `${root}/srv/a`, ...links],
    ['swap', `${root}/srv/a/deep`, ...links],
    ['move', `${root}/srv/b`, `${stash}/moved`],
    ['plant', `${outside}/lab-shadow`, ...planting],
    ['fill', stash],
    // In a directory of his a user may give a program any name before a merge can see it.
    ownsRoot ? ['swap', `${root}/srv`, ...links, 'etc'] : ['link', stash, `${root}/usr/bin`],
  ];
}

function neighbour({ program, seed }: Race, [role = '', ...paths]: readonly string[], number: number) {
  const child = spawn(program, [role, String(seed + number), ...paths], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = text(child.stdout);
  const closed = once(child, 'close');
  const end = async (): Promise<number> => {
    child.kill('SIGTERM');
    const [status] = (await closed) as [number | null];
    if (status !== 0) throw new Error(`the neighbour \`${role}\` ended with ${status}`);
    return Number(await said);
  };
  return { role, end };
}

function start({ place, seed, how }: Race, life: number, report: RaceReport) {
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', merger];
  const child = spawn(process.execPath, [...node, place, String(seed * 1000 + life), how], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = text(child.stderr);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { ended, why, kept } = JSON.parse(line) as { ended: string; why?: string; kept: string[] };
    report.ended.set(ended, (report.ended.get(ended) ?? 0) + 1);
    if (why !== undefined) report.messages.set(ended, why);
    report.kept.push(...kept.map((what) => `${what}, after ${ended}`));
  });
  const crash = once(child, 'close');
  const kill = async (): Promise<string> => {
    const isRunning = child.exitCode === null && child.signalCode === null;
    child.kill('SIGKILL');
    await crash;
    return isRunning ? '' : await said;
  };
  return { kill, crash };
}
