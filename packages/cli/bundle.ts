/**
 * Bundles the command line into dist/: a start takes half the time of loading oclif file by file. Each output appears
 * whole, by rename, and those that others name come first, so that two builds and a start at the same time do no harm.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
/** Chunks that no new bundle names: a process that started from the old one may still load them. */
const KEEP_MS = 60 * 60 * 1000;

const started = new Date();
const { outputFiles } = await build({
  absWorkingDir: here,
  // Named, or the outputs would lie in the directories of the sources: who starts a child finds it beside itself.
  entryPoints: [
    { in: 'src/main.ts', out: 'main' },
    { in: 'src/commands.ts', out: 'commands' },
    { in: '../fsprobe/src/rename-shapes/rename-child.ts', out: 'rename-child' },
    { in: '../merge-core/src/supervise/mover-child.ts', out: 'mover-child' },
    { in: '../merge-core/src/probe/probe-child.ts', out: 'probe-child' },
    { in: '../merge-core/src/ledger/verify-worker.ts', out: 'verify-worker' },
    { in: '../merge-core/src/threads/task-thread.ts', out: 'task-thread' },
  ],
  outdir: 'dist',
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  splitting: true,
  chunkNames: 'chunk-[hash]',
  conditions: ['@emplace/source'],
  // Native: it stays a package, and lies beside the bundle in node_modules.
  external: ['koffi'],
  // What was CommonJS calls require for Node's own modules.
  banner: {
    js: "import { createRequire as bundleRequire } from 'node:module';\nconst require = bundleRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

mkdirSync(dist, { recursive: true });
const staging = mkdtempSync(join(dist, '.new-'));
try {
  const entries = [
    '/mover-child.js',
    '/rename-child.js',
    '/probe-child.js',
    '/verify-worker.js',
    '/task-thread.js',
    '/commands.js',
    '/main.js',
  ];
  const rank = (path: string): number => entries.findIndex((name) => path.endsWith(name));
  for (const { path, contents } of outputFiles.toSorted((a, b) => rank(a.path) - rank(b.path))) {
    const staged = join(staging, 'output');
    writeFileSync(staged, contents);
    // A source that changed while this ran is newer than the bundle, which is built anew then.
    utimesSync(staged, started, started);
    renameSync(staged, path);
  }
} finally {
  rmSync(staging, { recursive: true });
}
const current = new Set(outputFiles.map(({ path }) => path));
for (const name of readdirSync(dist)) {
  const path = join(dist, name);
  if (!current.has(path) && Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > KEEP_MS)
    rmSync(path, { recursive: true, force: true });
}
