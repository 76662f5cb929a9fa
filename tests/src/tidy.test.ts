/** What the compiler and the linter do not see: that the parts of the repository agree with each other. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCodes } from '@emplace/merge-core';
import { expect, test } from '@jest/globals';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** Tracked or new, not ignored. */
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: top,
  encoding: 'utf8',
})
  .split('\0')
  .filter((path) => path !== '' && read(path) !== undefined);
const sources = files.filter((path) => path.endsWith('.ts'));
const written = files.filter((path) => /\.(?:ts|md)$/.test(path));

/** Which packages the sources of each package may import, besides Node's own modules. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'packages/syscalls': ['koffi'],
  'packages/fsprobe': ['@emplace/syscalls'],
  'packages/merge-core': [
    '@emplace/fsprobe',
    '@emplace/syscalls',
    'diff',
    'memfs',
    'picomatch',
    'proper-lockfile',
    'zod',
  ],
  'packages/cli': [
    '@emplace/merge-core',
    '@emplace/fsprobe',
    '@emplace/syscalls',
    '@oclif/core',
    'cli-progress',
    'fs-extra',
    'string-width',
    'zod',
  ],
  fixtures: ['@emplace/merge-core', '@emplace/fsprobe', '@emplace/syscalls', '@jest/globals', 'fs-extra'],
};

/** The only files that may name a package, wherever they are used. */
const ONLY_IN: Readonly<Record<string, RegExp>> = {
  koffi: /^packages\/syscalls\/(?:src\/native\.ts|test\/)/,
  memfs: /^packages\/merge-core\/(?:src\/fs\/memory|test\/fs\/)/,
  'proper-lockfile': /^packages\/merge-core\/(?:src\/announce|test\/)/,
  'fs-extra': /^(?:packages\/cli|fixtures|tests|bench|scripts)\//,
  zod: /(?:^packages\/merge-core\/src\/ledger\/request-|\/schema\.ts$)/,
  'graceful-fs': /^$/,
};

test('imports go one way: cli → merge-core → fsprobe → syscalls', () => {
  const wrong = importsOf(sources).filter(({ path, specifier }) => {
    const home = Object.keys(MAY_IMPORT).find((prefix) => path.startsWith(`${prefix}/src/`));
    if (home === undefined) return false;
    const file = join(path, '..', specifier);
    if (specifier.startsWith('.')) return !file.startsWith(`${home}/src/`) && file !== `${home}/package.json`;
    return !specifier.startsWith('node:') && !MAY_IMPORT[home]?.includes(packageOf(specifier));
  });
  expect(wrong).toEqual([]);
});

test('a package that needs care is named where it is wrapped and nowhere else', () => {
  const wrong = importsOf(sources).filter(({ path, specifier }) => ONLY_IN[packageOf(specifier)]?.test(path) === false);
  expect(wrong).toEqual([]);
});

test('what starts an engine loads neither fs-extra nor graceful-fs', () => {
  for (const name of ['syscalls', 'fsprobe', 'merge-core']) {
    const { dependencies = {} } = JSON.parse(mustRead(`packages/${name}/package.json`)) as { dependencies?: object };
    expect(Object.keys(dependencies)).not.toContain('fs-extra');
    expect(Object.keys(dependencies)).not.toContain('graceful-fs');
  }
});

test('an index is a list of names', () => {
  const computed = sources
    .filter((path) => path.endsWith('/src/index.ts'))
    .flatMap((path) => statementsOf(mustRead(path)).map((statement) => ({ path, statement })))
    .filter(({ statement }) => !/^export (?:type )?(?:\{[^}]*\}|\*)(?: from '[^']+')?$/.test(statement));
  expect(computed).toEqual([]);
});

test('every guarantee that is cited is one of (G1) to (G10)', () => {
  const wrong = citations(/\(G(\d+)\)/g, written).filter(({ cited }) => Number(cited) < 1 || Number(cited) > 10);
  expect(wrong).toEqual([]);
});

test('every journal invariant that is cited stands in docs/JOURNAL.md', () => {
  const numbered = new Set(Array.from(mustRead('docs/JOURNAL.md').matchAll(/^- \*\*\(J(\d+)\)\*\*/gm), ([, n]) => n));
  expect(numbered.size).toBeGreaterThan(0);
  expect(citations(/\(J(\d+)\)/g, written).filter(({ cited }) => !numbered.has(cited))).toEqual([]);
});

const guarantees = mustRead('docs/GUARANTEES.md');

test.each(Array.from({ length: 10 }, (_, i) => `(G${i + 1})`))('docs/GUARANTEES.md says what %s promises', (name) => {
  expect(guarantees).toContain(`\n## ${name} `);
});

test('every test that docs/GUARANTEES.md names is there, under words of that name', () => {
  const named = Array.from(
    guarantees.matchAll(/^\| `([^`]+\.test\.ts)` \| ([^|]+?) \|/gm),
    ([, path = '', name = '']) => ({
      path,
      name,
    }),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ path, name }) => read(path)?.includes(name) !== true)).toEqual([]);
});

test('tests/README.md tells of each file of the fault lab, and of no other', () => {
  const told = Array.from(mustRead('tests/README.md').matchAll(/^\| `([a-z-]+)` \|/gm), ([, name]) => name).sort();
  const labs = sources.flatMap((path) => /^tests\/lab\/([^/]+)\.test\.ts$/.exec(path)?.[1] ?? []).sort();
  expect(told).toEqual(labs);
});

const tests = sources
  .filter((path) => path.endsWith('.test.ts') && !path.endsWith('/tidy.test.ts'))
  .map(mustRead)
  .join('\n');
const errorsPage = mustRead('docs/ERRORS.md');

test.each(Object.keys(errorCodes))('error code %s is explained in docs/ERRORS.md and named in a test', (code) => {
  expect({ explained: errorsPage.includes(`\`${code}\``), tested: new RegExp(`\\b${code}\\b`).test(tests) }).toEqual({
    explained: true,
    tested: true,
  });
});

test('docs/ERRORS.md explains no code that is gone', () => {
  const explained = Array.from(errorsPage.matchAll(/^\| `([A-Z][A-Z_]+)` \|/gm), ([, code]) => code);
  expect(explained.filter((code) => !Object.hasOwn(errorCodes, code ?? ''))).toEqual([]);
});

test('no file names the place where it was written, or a package registry', () => {
  // In pieces, so that this file does not name them either.
  const workplace = new RegExp(`(?<![\\w.])/${'work'}/|/${'home'}/\\w|/${'Users'}/\\w`);
  const registry = new RegExp(`https?://[^\\s'"/]*${'regi'}stry|${'regi'}stry\\.\\w+\\.\\w+|_${'auth'}Token`);
  const wrong = files.filter((path) => workplace.test(mustRead(path)) || registry.test(mustRead(path)));
  expect(wrong).toEqual([]);
});

test('the lockfile names no host: packages come from wherever the machine gets them', () => {
  const hosts = mustRead('pnpm-lock.yaml')
    .split('\n')
    .filter((line) => /:\/\/|tarball:/.test(line));
  expect(hosts).toEqual([]);
});

interface Import {
  readonly path: string;
  readonly specifier: string;
}

/** Static, dynamic and type imports, re-exports, and what is asked of `require`. */
function importsOf(paths: readonly string[]): Import[] {
  const pattern =
    /^(?:import|export)\b[^;]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)|require(?:\([^()]*\))?\('([^']+)'\)/gm;
  return paths.flatMap((path) =>
    Array.from(mustRead(path).matchAll(pattern), (match) => ({ path, specifier: match.slice(1).find(Boolean) ?? '' })),
  );
}

/** `@scope/name/sub` and `name/sub` without the sub-path. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function statementsOf(source: string): string[] {
  const bare = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return bare
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
}

function citations(pattern: RegExp, paths: readonly string[]): { readonly path: string; readonly cited: string }[] {
  const cited = paths.filter((path) => !path.endsWith('/tidy.test.ts'));
  return cited.flatMap((path) =>
    Array.from(mustRead(path).matchAll(pattern), ([, number = '']) => ({ path, cited: number })),
  );
}

/** Latin-1, so that no fixture is too odd; undefined for what git still lists but is deleted. */
function read(path: string): string | undefined {
  try {
    return readFileSync(join(top, path), 'latin1');
  } catch {
    return undefined;
  }
}

function mustRead(path: string): string {
  const text = read(path);
  if (text === undefined) throw new Error(`there is no \`${path}\``);
  return text;
}
