import type { Bytes } from '@emplace/syscalls';
import { type LineProblem, linesOf, report } from '../lines.ts';

/** What a program or library says of itself, as one line of NEEDED.ELF.2 has it. */
export interface ElfObject {
  /** Machine, say `X86_64`. */
  readonly machine: Bytes;
  /** Which of several ABIs of one machine, say `x86_32`; `''` where an older Portage wrote the line. */
  readonly abi: Bytes;
  /** Below the root. */
  readonly path: Bytes;
  /** The name that others need it by; `''` for a program. */
  readonly soname: Bytes;
  /** Directories where it looks for what it needs before the usual ones, below the root. */
  readonly runpath: readonly Bytes[];
  /** Sonames. */
  readonly needed: readonly Bytes[];
}

export interface Needed {
  readonly objects: readonly ElfObject[];
  /** Lines that say nothing. Who acts on what is not needed has to know all. */
  readonly problems: readonly LineProblem[];
}

/** NEEDED.ELF.2: `MACHINE;PATH;SONAME;RUNPATH;NEEDED[;ABI]`, runpath separated by colons, needed by commas (A.14). */
export function parseNeeded(content: Buffer): Needed {
  const objects: ElfObject[] = [];
  const problems: LineProblem[] = [];
  for (const line of linesOf(content)) {
    if (line.text === '') continue;
    const [machine, path, soname, runpath, needed, abi = ''] = line.text.split(';') as Bytes[];
    if (needed === undefined) report(problems, line, 'it has fewer than five fields');
    else if (!path?.startsWith('/')) report(problems, line, 'its path does not start at the root');
    else {
      const below = path.slice(1) as Bytes;
      objects.push({
        machine: machine as Bytes,
        abi: abi as Bytes,
        path: below,
        soname: soname as Bytes,
        runpath: runpathOf(runpath as Bytes, below),
        needed: needed.split(',').filter((one): one is Bytes => one !== ''),
      });
    }
  }
  return { objects, problems };
}

/** `  -  ` is how scanelf says that there is none. `$ORIGIN` is the directory of the object (ld.so(8)). */
function runpathOf(field: Bytes, path: Bytes): Bytes[] {
  if (field.trim() === '-') return [];
  const origin = `/${path.slice(0, Math.max(path.lastIndexOf('/'), 0))}`;
  const directories = field.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, () => origin).split(':');
  return directories.filter((one) => one.startsWith('/')).map(clean);
}

/** Without `.`, `..` and doubled slashes, below the root. */
export function clean(path: string): Bytes {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/') as Bytes;
}
