/**
 * Bundles the command line into dist/. Each build is a directory of its own: a script for each process, koffi's library, and
 * what V8 made of the scripts when they ran here once (Node's compile cache). dist/main.cjs names the directory and is renamed
 * into place last: what started from an older build keeps that, and two builds and a start at the same time do no harm.
 *
 * Why so: docs/PERFORMANCE.md, "Start".
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type OutputFile, type Plugin, transform } from 'esbuild';
import { lazily } from './build/lazily.ts';
import { removeOld } from './build/remove-old.ts';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
/** How long an older build stays: a process that started from it may start others. */
const KEEP_MS = 60 * 60 * 1000;
/** What starts with each command, and is in a hurry. */
const HASTY = ['main.cjs', 'mover-child.cjs'];

const started = new Date();
mkdirSync(dist, { recursive: true });
const directory = mkdtempSync(join(dist, 'build-'));
chmodSync(directory, 0o755);

/** What found something to do: else the bundle would work, and be slow. */
const applied = new Set<string>();

const options = {
  absWorkingDir: here,
  outdir: directory,
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node24',
  conditions: ['@emplace/source'],
  loader: { '.node': 'copy' },
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * koffi's library is copied beside the bundle and loaded at once. Its scripts look for it, in several files, and bring more of Node
 * along than all else does; what they add is not used.
 */
const koffi: Plugin = {
  name: 'koffi',
  setup: ({ onResolve, onLoad }) => {
    onLoad({ filter: /syscalls\/src\/native\.ts$/ }, async ({ path }) => ({
      contents: without('const require = createRequire(import.meta.url);', await readFile(path, 'utf8')),
      loader: 'ts',
    }));
    onResolve({ filter: /^koffi$/ }, ({ path }) => ({ path, namespace: 'library' }));
    onLoad({ filter: /./, namespace: 'library' }, async () => {
      const { arch } = process;
      const library = (libc: string): string => `require('@koromix/koffi-linux-${arch}/${libc}_${arch}/koffi.node')`;
      applied.add('koffi');
      // That of the wrong C library cannot be loaded.
      const contents = `try { module.exports = ${library('linux')} } catch { module.exports = ${library('musl')} }`;
      return { contents, resolveDir: dirname(createRequire(join(here, 'bundle.ts')).resolve('koffi')) };
    });
  },
};

/** oclif requires all that it has, whatever it is asked for; here each of its files requires another where it uses it. */
const lazyOclif: Plugin = {
  name: 'lazy-oclif',
  setup: ({ onLoad }) =>
    onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = lazily(text, /^const (\w+_\d+) = (.*require\(".*"\).*);$/gm);
      if (contents !== text) applied.add('lazy-oclif');
      return { contents };
    }),
};

/** A module that takes long to load, and that is used for names beyond ASCII only, becomes one that is required. */
const lazyStringWidth: Plugin = {
  name: 'lazy-string-width',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^string-width$/ }, ({ path, importer }) =>
      importer.includes('/cli/src/') ? { path, namespace: 'required' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'required' }, async ({ path }) => {
      applied.add('lazy-string-width');
      const footer = { js: 'module.exports = module.exports.default;' };
      const { outputFiles } = await build({ ...options, format: 'cjs', entryPoints: [path], footer });
      return { contents: outputFiles[0]?.contents as Uint8Array };
    });
  },
};

/** What is imported when it is needed is a script of its own; elsewhere in a bundle it would make all that it shares with the rest slower to load. */
const late: Record<string, string> = {
  'start-ahead': 'src/start-ahead.ts',
  'request-schema': '../merge-core/src/ledger/request-schema.ts',
  ...Object.fromEntries(
    [...readFileSync(join(here, 'src/commands.ts'), 'utf8').matchAll(/import\('\.\/(.*)'\)/g)].map(([, path = '']) => [
      nameOf(path),
      `src/${path}`,
    ]),
  ),
};
const apart: Plugin = {
  name: 'apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\// }, ({ path, kind }) => {
      if (kind !== 'dynamic-import') return undefined;
      const isModule = path === './by-oclif.ts';
      if (!isModule && !Object.hasOwn(late, nameOf(path)))
        return { errors: [{ text: `\`${path}\` is imported when it is needed, and is no script of the bundle` }] };
      return { path: `./${nameOf(path)}${isModule ? '.mjs' : '.cjs'}`, external: true };
    }),
};

/** `config-list` for `./commands/config/list.ts`. */
function nameOf(path: string): string {
  return path
    .replace(/^(?:\.\/)?(?:commands\/)?/, '')
    .replace('/', '-')
    .replace(/\.ts$/, '');
}

// CommonJS starts sooner than modules do.
const scripts = await build({
  ...options,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  // Node's loader of modules is not needed then.
  supported: { 'dynamic-import': false },
  // Who starts a child finds it beside itself.
  entryPoints: {
    main: 'src/main.ts',
    ...late,
    'mover-child': '../merge-core/src/supervise/mover-child.ts',
    'probe-child': '../merge-core/src/probe/probe-child.ts',
    'rename-child': '../fsprobe/src/rename-shapes/rename-child.ts',
    'verify-worker': '../merge-core/src/ledger/verify-worker.ts',
    'task-thread': '../merge-core/src/threads/task-thread.ts',
  },
  plugins: [apart, koffi, lazyOclif, lazyStringWidth],
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
});
/** Help and usage are in less of a hurry, and oclif wants all commands for them. */
const all = await build({
  ...options,
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  splitting: true,
  chunkNames: 'chunk-[hash]',
  entryPoints: { 'by-oclif': 'src/by-oclif.ts', commands: 'src/all-commands.ts' },
  plugins: [koffi],
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
});

for (const file of scripts.outputFiles) await (file.path.endsWith('.cjs') ? writeScript(file) : writeFile(file));
for (const file of all.outputFiles) writeFile(file);
for (const name of [koffi.name, lazyOclif.name, lazyStringWidth.name, 'lazily'])
  if (!applied.has(name)) throw new Error(`${name} found nothing to do: what it changes has another form now`);
warmUp();
publish();
for (const why of removeOld(dist, [basename(directory), 'main.cjs'], KEEP_MS)) console.error(`an older build: ${why}`);

/** A script, and where it is in a hurry before it one that says where the cache is: what is loaded before that is not cached. */
async function writeScript({ path, text }: OutputFile): Promise<void> {
  // What is loaded late is Node's own, in its executable, or lies in this script: both are ours while we run.
  const later = lazily(text, /^ *(?:var )?(import_\w+) = ((?:__toESM\()?require(?:_\w+)?\(.*\));$/gm);
  if (later !== text) applied.add('lazily');
  const { code } = await transform(later, {
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
  });
  const isHasty = HASTY.includes(basename(path));
  const place = isHasty ? path.replace(/\.cjs$/, '-code.cjs') : path;
  writeFileSync(place, code);
  if (!isHasty) return;
  writeFileSync(
    path,
    `require('node:module').enableCompileCache({ directory: \`\${__dirname}/cache\`, portable: true });\nmodule.exports = require('./${basename(place)}');\n`,
  );
}

function writeFile({ path, contents }: OutputFile): void {
  writeFileSync(path, contents);
}

function without(part: string, text: string): string {
  if (!text.includes(part)) throw new Error(`there is no \`${part}\` to leave out`);
  return text.replace(part, '');
}

/**
 * Once through the commands that are in a hurry. Where that fails (no rights, no /proc) there is no cache, and each starts as it can.
 * @throws Error when it is our code that fails: that is not published
 */
function warmUp(): void {
  const place = join(directory, 'warm-up');
  for (const name of ['image', 'root']) mkdirSync(join(place, name), { recursive: true });
  writeFileSync(join(place, 'image/file'), '');
  const main = JSON.stringify(join(directory, 'main.cjs'));
  const merge = ['merge', join(place, 'image'), '--root', join(place, 'root')];
  const commands = [merge, ['scan', '--pid', String(process.pid)]];
  const script = `(async () => { for (const words of ${JSON.stringify(commands)}) await require(${main}).main(words); })()`;
  const { stderr } = spawnSync(process.execPath, ['--disable-sigusr1', '-e', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 60_000,
  });
  rmSync(place, { recursive: true, force: true });
  if (/\b(?:TypeError|ReferenceError|SyntaxError)\b|Cannot find module/.test(stderr))
    throw new Error(`the bundle does not work: ${stderr}`);
}

function publish(): void {
  touchReplaced();
  const staged = join(directory, 'start.cjs');
  writeFileSync(staged, `require('./${basename(directory)}/main.cjs').main(process.argv.slice(2));\n`);
  // A source that changed while this ran is newer than the bundle, which is built anew then.
  utimesSync(staged, started, started);
  renameSync(staged, join(dist, 'main.cjs'));
}

/** What was published before ages from now on. */
function touchReplaced(): void {
  const now = new Date();
  const old = /build-\w+/.exec(tryRead(join(dist, 'main.cjs')))?.[0];
  if (old !== undefined && existsSync(join(dist, old))) utimesSync(join(dist, old), now, now);
}

function tryRead(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
