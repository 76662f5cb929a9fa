/** `scan-script.ts FLOOR PROCESSES ROUNDS`: in a namespace of its own, so that nothing else runs in what is scanned. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.ts';

const [floor = '', processes = '', rounds = ''] = process.argv.slice(2);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Engine {
  readonly name: string;
  readonly command: readonly string[];
  /** It prints how long it took itself, in milliseconds: its start is not counted. */
  readonly timesItself?: boolean;
}

const node = [process.execPath, '--conditions=@emplace/source', '--disable-warning=ExperimentalWarning'];

/** The first one is what the others are compared with. */
const ENGINES: readonly Engine[] = [
  { name: 'C reader', command: [floor] },
  { name: 'scan(), first call', command: [...node, here('scan-child.ts'), '1'], timesItself: true },
  { name: 'scan(), tenth call', command: [...node, here('scan-child.ts'), '10'], timesItself: true },
  { name: './emplace scan', command: [process.execPath, here('../../packages/cli/dist/main.cjs'), 'scan'] },
  { name: 'lsof +L1', command: ['lsof', '+L1'] },
  { name: 'needrestart -b -r l', command: ['needrestart', '-b', '-r', 'l'] },
  { name: 'checkrestart', command: ['checkrestart'] },
];

/** @returns milliseconds; undefined when the command is not there */
function time({ command: [program = '', ...args], timesItself = false }: Engine): number | undefined {
  const started = performance.now();
  const { stdout, error, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1e9 });
  const took = performance.now() - started;
  if (error !== undefined) return undefined;
  if (!timesItself) return took;
  const said = Number(stdout);
  if (stdout === '' || Number.isNaN(said)) throw new Error(stderr);
  return said;
}

const sleep = 'i=0; while [ $i -lt $0 ]; do sleep infinity & i=$((i + 1)); done; echo ready; wait';
const sleepers = spawn('sh', ['-c', sleep, processes], { stdio: ['ignore', 'pipe', 'inherit'] });
await once(sleepers.stdout, 'data');

// Rounds over all engines: whatever drifts in the machine meets each of them alike.
const times = new Map<Engine, (number | undefined)[]>(ENGINES.map((engine) => [engine, []]));
for (let round = 0; round < Number(rounds); round++) {
  for (const [engine, all] of times) all.push(time(engine));
}
const base = median((times.get(ENGINES[0] as Engine) ?? []).map(Number));
console.log(`| ${processes} processes | median ms | lowest–highest | × C reader |\n|---|--:|--:|--:|`);
for (const [{ name }, all] of times) {
  const known = all.filter((ms) => ms !== undefined);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (known.length === 0) console.log(`| ${name} | not installed | | |`);
  else
    console.log(
      `| ${name} | ${median(known).toFixed(0)} | ${low.toFixed(0)}–${high.toFixed(0)} | ${(median(known) / base).toFixed(2)} |`,
    );
}
// With process 1 of the namespace, which is this one, all others end.
process.exit(0);
