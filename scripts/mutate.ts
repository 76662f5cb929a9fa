/**
 * `pnpm mutate AREA`: changes the code in one place at a time, in a copy of this checkout, and tells which changes no
 * test noticed. Areas are those of mutation/areas.ts.
 *
 *     --every N --from K   the mutants K, K+N, K+2N … of the area (all of them without)
 *     --files GLOB         of these files instead of the area's (may be given again)
 *     --only ID,ID         these mutants alone
 *     --quick              without the second round, of the tests that stop a merge at each of its calls
 *     --processes N        at the same time (1)
 *     --json FILE          keep what was found
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AREAS, TESTS } from './mutation/areas.ts';
import { combined, isAlive, type Mutant, mutantsOf, showScore, showSurvivors } from './mutation/report.ts';

/** Not among the dependencies, for few people need it. */
const STRYKER = ['@stryker-mutator/core@9.6.1', '@stryker-mutator/jest-runner@9.6.1'];

type Round = 'quick' | 'slow';

const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    every: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    files: { type: 'string', multiple: true },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    processes: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const area = positionals[0] ?? '';
const files = asked.files ?? AREAS[area];
if (files === undefined) throw new Error(`mutate AREA, one of ${Object.keys(AREAS).join(', ')}`);
const sample = { every: numberOf('every', 1), from: numberOf('from', 0), only: asked.only?.split(',') };
const processes = numberOf('processes', 1);

const top = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'emplace-mutate-'));
try {
  const copy = copyOf(top);
  run('npm', ['install', '--silent', '--no-save', '--legacy-peer-deps', '--prefix', join(work, 'stryker'), ...STRYKER]);
  let mutants = round(copy, 'quick', sample);
  // What takes long is asked only about what the quick tests let pass.
  const left = mutants.filter(isAlive).map(({ id }) => id);
  if (left.length > 0 && !asked.quick) {
    const again = new Map(round(copy, 'slow', { ...sample, only: left }).map((mutant) => [mutant.id, mutant]));
    mutants = mutants.map((mutant) => combined(mutant, again.get(mutant.id)));
  }
  if (asked.json !== undefined) writeFileSync(asked.json, `${JSON.stringify(mutants)}\n`);
  console.log(showSurvivors(mutants));
  console.log(showScore(area, mutants));
} finally {
  rmSync(work, { recursive: true });
}

/** Of a sample without mutants the score would say nothing. */
function numberOf(option: 'every' | 'from' | 'processes', min: number): number {
  const value = Number(asked[option]);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new Error(`--${option} ${asked[option]}: it has to be a number from ${min}`);
}

/** A copy of the checkout that shares its dependencies: Stryker writes into the sources. */
function copyOf(checkout: string): string {
  const copy = join(work, 'checkout');
  const names = ['.git', 'bench/report', 'bench/trees', 'coverage', 'dist', 'node_modules'];
  const left = new Set(names.map((name) => join(checkout, name)));
  const isWanted = (path: string): boolean => !left.has(path) && basename(path) !== 'dist';
  cpSync(checkout, copy, { recursive: true, verbatimSymlinks: true, filter: isWanted });
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** One run of Stryker. @returns the mutants of the sample. */
function round(copy: string, tests: Round, wanted: typeof sample): Mutant[] {
  const testFile = join(copy, 'mutation.test.ts');
  // One file that has all tests in it: to load the sources once for each mutant, not once for each file.
  const imports = TESTS.flatMap((glob) => globSync(glob, { cwd: copy })).map((path) => `import './${path}';\n`);
  writeFileSync(testFile, imports.join(''));
  const jest = `import base from './jest.config.js';
export default { ...base, testMatch: ['${testFile}'], testSequencer: undefined, testEnvironment: '${join(copy, 'scripts/mutation/environment.js')}' };
`;
  writeFileSync(join(copy, 'jest.mutation.config.js'), jest);
  const report = join(work, `${tests}.json`);
  const modules = join(work, 'stryker/node_modules/@stryker-mutator');
  const config = {
    testRunner: 'jest',
    plugins: [join(modules, 'jest-runner/dist/src/index.js'), join(copy, 'scripts/mutation/plugins.js')],
    jest: { projectType: 'custom', configFile: 'jest.mutation.config.js', enableFindRelatedTests: false },
    coverageAnalysis: 'perTest',
    mutate: files,
    checkers: ['sample'],
    ignorers: ['messages'],
    ignoreStatic: true,
    inPlace: true,
    concurrency: processes,
    reporters: ['survivors', 'progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    // Endless loops are found by counting; this is for what waits.
    timeoutMS: 240_000,
    dryRunTimeoutMinutes: 20,
    testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  };
  writeFileSync(join(copy, 'stryker.json'), JSON.stringify(config));
  const env = {
    EMPLACE_RUNS: '60',
    ...process.env,
    EMPLACE_TEST_OUTER_NAMESPACE: readlinkSync('/proc/self/ns/mnt'),
    EMPLACE_MUTATION_ENVIRONMENT: join(top, 'node_modules/.pnpm/node_modules/jest-environment-node'),
    EMPLACE_MUTATION_ROUND: tests,
    EMPLACE_MUTATION_SAMPLE: JSON.stringify(wanted),
  };
  const stryker = [process.execPath, join(modules, 'core/bin/stryker.js'), 'run', 'stryker.json'];
  const apart =
    process.geteuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'private', '--', ...stryker] : stryker;
  run(apart[0] ?? '', apart.slice(1), { cwd: copy, env });
  const { every, from, only } = wanted;
  return mutantsOf(report, (id) => only?.includes(id) ?? Number(id) % every === from % every);
}

function run(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): void {
  const { status, error } = spawnSync(command, args, { ...options, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ended with ${status ?? error}`);
}
