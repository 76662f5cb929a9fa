import { ascii, type Bytes } from '@emplace/syscalls';
import { join, splitPath } from '../../paths.ts';
import { pythonGlob } from '../python-glob.ts';
import { readBelow } from '../read-below.ts';
import type { Vdb } from '../vdb.ts';
import { clean } from './needed.ts';

const CONFIGURATION: Bytes = ascii('etc/ld.so.conf');
/** Where the dynamic linker looks last, by the ABIs that there are (ld.so(8)). */
const USUAL: readonly Bytes[] = ['lib', 'lib32', 'lib64', 'usr/lib', 'usr/lib32', 'usr/lib64'].map(ascii);
const BYTES_MAX = 1024 * 1024;
const FILES_MAX = 1000;

/** The directories below the root in which every program finds libraries: those of ld.so.conf, then the usual ones. */
export function libraryPath(vdb: Pick<Vdb, 'fs' | 'root' | 'real'>): Bytes[] {
  const found: Bytes[] = [];
  const todo: Bytes[] = [CONFIGURATION];
  for (let files = 0; todo.length > 0 && files < FILES_MAX; files++) {
    const path = todo.shift() as Bytes;
    for (const line of linesOf(vdb, path)) {
      const pattern = /^include\s+(.+)$/.exec(line)?.[1];
      if (pattern !== undefined) todo.push(...matching(vdb, pattern, splitPath(path).parent));
      // A word after `=` is a type that nothing uses any more.
      else if (line.startsWith('/')) found.push(...line.split(/[\s:,]+/).map((word) => clean(word.replace(/=.*/, ''))));
    }
  }
  return [...new Set([...found, ...USUAL])];
}

function linesOf({ fs, root, real }: Pick<Vdb, 'fs' | 'root' | 'real'>, path: Bytes): string[] {
  const { parent, name } = splitPath(path);
  const directory = real.of(parent);
  if (directory === undefined || 'code' in directory) return [];
  const content = readBelow(fs, root, join(directory.path, name), BYTES_MAX);
  if (content === undefined || 'code' in content) return [];
  const lines = content.latin1Slice().split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '');
}

/** Files that an `include` names: its last part may be a pattern. */
function matching({ fs, root, real }: Pick<Vdb, 'fs' | 'root' | 'real'>, pattern: string, beside: Bytes): Bytes[] {
  const { parent, name } = splitPath(clean(pattern.startsWith('/') ? pattern : `${beside}/${pattern}`));
  const directory = real.of(parent);
  if (directory === undefined || 'code' in directory) return [];
  const matches = pythonGlob(name);
  const names = fs.list(root.at(directory.path)).map((one) => one.name);
  return names
    .filter((one) => !one.startsWith('.') && matches(one))
    .sort()
    .map((one) => join(parent, one));
}
