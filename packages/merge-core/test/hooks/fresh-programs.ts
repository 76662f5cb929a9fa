import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TemporaryDirectory } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { SpawnError, spawnProgram } from '../../src/index.ts';
import { specOf, TRUE } from './wishes.ts';

/** How many starts there were, and how many of them somebody's write descriptor was in the way of. */
export interface Starts {
  readonly starts: number;
  readonly busy: number;
}

const PROGRAMS = 50;
const WRITERS = 2;
/** So many at a time. */
const TOGETHER = 10;

/**
 * (G7): a mover places programs by copy, this process starts each of them the moment that they are there, and others
 * write executables all the while. No start is tried twice.
 * @param count of starts
 */
export async function startFreshPrograms(count: number, place: TemporaryDirectory): Promise<Starts> {
  const root = place.at('root');
  place.make('root/bin');
  const mover = script('mover-script.ts', [place.at('image'), root, TRUE, String(PROGRAMS)]);
  const writers = Array.from({ length: WRITERS }, (_, i) =>
    script('writer-script.ts', [place.make(`other-${i}`), TRUE]),
  );
  let [starts, busy] = [0, 0];
  try {
    for (const { stdout } of writers) await once(stdout as NonNullable<typeof stdout>, 'data');
    for await (const placed of rounds(mover)) {
      if (placed !== String(PROGRAMS)) throw new Error(`the mover says ${placed}`);
      for (let i = 0; i < PROGRAMS; i += TOGETHER) {
        const programs = Array.from({ length: TOGETHER }, (_, j) => join(root, 'bin', `tool-${i + j}`));
        const said = await Promise.all(programs.map((path) => startOnce(path, root)));
        starts += said.length;
        busy += said.filter((code) => code === 'ETXTBSY').length;
      }
      if (starts >= count) break;
    }
  } finally {
    await Promise.all([mover, ...writers].map(ended));
  }
  return { starts, busy };
}

/** The same without the measures: a thread writes a program and starts it while the child of another one is about to be a program. Needs root. @returns how the start ended */
export async function startInOneProcess(place: TemporaryDirectory): Promise<string> {
  await using fuse = await mountFuse(place.at('served'));
  const other = `${fuse.path}/other`;
  copyFileSync(TRUE, other);
  await fuse.rules([{ operation: 'OPEN', path: '^/other$', answer: 'hold-interruptible' }]);
  const args = argv('same-process-script.ts', [place.at('program'), TRUE, other]);
  return (await promisify(execFile)(process.execPath, args)).stdout.trim();
}

/** What the mover answers, one round after the other. */
async function* rounds(mover: ChildProcess): AsyncGenerator<string> {
  mover.stdin?.write('go\n');
  for await (const line of createInterface({ input: mover.stdout as NonNullable<ChildProcess['stdout']> })) {
    yield line;
    mover.stdin?.write('go\n');
  }
  throw new Error('the mover ended');
}

async function startOnce(path: string, root: string): Promise<string> {
  const isFresh = (one: string): boolean => one.startsWith(root);
  try {
    const { ended } = await spawnProgram(specOf({ argv: [path], isFresh, busyMs: 0 }));
    const result = await ended;
    if (result.how === 'exited' && result.code === 0) return 'started';
    throw new Error(`\`${path}\` ended otherwise: ${JSON.stringify(result)}`);
  } catch (error) {
    if (error instanceof SpawnError) return error.code;
    throw error;
  }
}

function script(name: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, argv(name, args), { stdio: ['pipe', 'pipe', 'inherit'] });
}

function argv(name: string, args: readonly string[]): string[] {
  const path = fileURLToPath(new URL(`./${name}`, import.meta.url));
  return ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', path, ...args];
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await exit;
}
