/** Packages of three versions each, in which every file says whose it is, and what a root of them looks like. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { directory, file, hardLink, symlink, type TreeEntry, writeTree } from '@emplace/fixtures';

export const PACKAGES = ['one', 'two', 'three', 'four', 'five'] as const;
export const VERSIONS = [1, 2, 3] as const;
const FILES = 24;

/** Content by path: half of the files have another content in each version, some come and go. */
function filesOf(name: string, version: number): Map<string, string> {
  const files = new Map<string, string>();
  for (let n = 0; n < FILES; n++) {
    if ((n + version) % 5 === 0) continue;
    // Directories of its own, of the version and of everybody.
    const place = [`usr/share/${name}`, `usr/share/${name}/${version}`, 'usr/lib', `usr/lib/${name}`][n % 4];
    files.set(`${place}/${name}-${n}`, `${name} ${n % 2 === 0 ? version : 'ever'} ${n}\n`.repeat(1 + 40 * n));
  }
  files.set(`usr/bin/${name}`, `program ${name} ${version}\n`);
  files.set(`usr/bin/${name}-alias`, `program ${name} ${version}\n`);
  return files;
}

/** Makes the image of one of them at `top`. */
export function writeImage(top: string, name: string, version: number): void {
  const entries: TreeEntry[] = [];
  const directories = new Set<string>();
  for (const [path, content] of filesOf(name, version)) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) directories.add(parts.slice(0, depth).join('/'));
    entries.push(
      path.endsWith('-alias')
        ? hardLink(path, path.slice(0, -'-alias'.length))
        : file(path, content, { mode: path.startsWith('usr/bin/') ? 0o755 : 0o644 }),
    );
  }
  entries.push(symlink(`usr/lib/${name}.so`, `${name}/${version}`));
  mkdirSync(top, { recursive: true });
  writeTree(top, [...[...directories].map((path) => directory(path)), ...entries]);
}

/** What is wrong with a root on which nobody works: each package whole, of one version, or absent. */
export function notWhole(root: string): string[] {
  const wrong: string[] = [];
  const expected = new Map<string, string>();
  const installed = new Set<string>();
  for (const entry of readdirSync(`${root}/var/db/pkg/lab`).filter((name) => !name.endsWith('lockfile'))) {
    const [, name = '', version = ''] = /^([a-z]+)-([123])$/.exec(entry) ?? [];
    if (name === '' || installed.has(name)) wrong.push(`database: ${entry}`);
    installed.add(name);
    for (const [path, content] of filesOf(name, Number(version))) expected.set(path, content);
    expected.set(`usr/lib/${name}.so`, '');
  }
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`.slice(root.length + 1);
    if (/emplace-|-MERGING-|^\.emplace$/.test(entry.name) && entry.name !== '.pkg.emplace-owners')
      wrong.push(`left: ${path}`);
    if (entry.isDirectory() || !path.startsWith('usr/')) continue;
    const content = expected.get(path);
    if (content === undefined) wrong.push(`nobody's: ${path}`);
    else if (entry.isFile() && readFileSync(`${root}/${path}`, 'utf8') !== content) wrong.push(`of another: ${path}`);
    expected.delete(path);
  }
  return [...wrong, ...[...expected.keys()].map((path) => `missing: ${path}`)];
}
