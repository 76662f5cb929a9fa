import type { FsPort, Stat } from '@emplace/fsprobe';
import { type Bytes, isErrno, toBytes } from '@emplace/syscalls';
import { type Problem, quoted } from '../errors.ts';
import type { OpenDirectories } from '../open-directories.ts';
import { join, splitPath } from '../paths.ts';
import { resolvePath } from './resolve-path.ts';
import { type Piece, parseAssignments, type Statement } from './shell-assignments.ts';

/** What a variable holds, or why that cannot be told. */
export type Value = string | Untold;
interface Untold {
  readonly file: Bytes;
  readonly line: number;
  readonly why: string;
}

/** The variables that one set of files leaves, by name. */
export type Layer = Map<string, Value>;

/** More than any configuration has: what is longer is something else, or meant to do harm. */
const FILE_BYTES_MAX = 1 << 20;
const VALUE_BYTES_MAX = 1 << 20;
const FILES_MAX = 1000;
/** Of `source` within `source`, and of directories. */
const DEPTH_MAX = 16;

const VERSION_CONTROL = ['CVS', 'RCS', 'SCCS'];
/** Their values add up over the files of env.d. */
const COLLECTED = ['CONFIG_PROTECT', 'CONFIG_PROTECT_MASK'];

/** Reads files of assignments one after the other; a later one may use the variables of those before. */
export class ConfigFiles {
  readonly problems: Problem[] = [];
  readonly #fs: FsPort;
  readonly #root: OpenDirectories;
  readonly #variables: Layer;
  #files = 0;
  #deep = false;

  /** @param variables that are there before any file is read */
  constructor(fs: FsPort, root: OpenDirectories, variables: Layer) {
    this.#variables = variables;
    this.#fs = fs;
    this.#root = root;
  }

  /** The files at `paths` as one; directories stand for all files in them. undefined when none is there. */
  read(paths: readonly Bytes[]): Layer | undefined {
    const layer: Layer = new Map();
    const found = paths.map((path) => this.#readAt(path, layer, 0));
    return found.includes(true) ? layer : undefined;
  }

  /** The files of an env.d that count: two digits, and no editor's backup. */
  readEnvD(path: Bytes): Layer {
    const layer: Layer = new Map();
    const place = this.#find(path);
    if (place?.stat.type !== 'directory') return layer;
    for (const name of this.#names(place.path).filter((each) => /^\d\d/.test(each) && !/(~|\.bak)$/.test(each))) {
      const own: Layer = new Map();
      this.#readAt(join(place.path, name), own, 1);
      for (const [key, value] of own) layer.set(key, COLLECTED.includes(key) ? collect(layer.get(key), value) : value);
    }
    return layer;
  }

  /** Whether there is anything at `path`. */
  #readAt(path: Bytes, layer: Layer, depth: number): boolean {
    if (this.#files > FILES_MAX) return true;
    const place = this.#find(path);
    if (place === undefined) return false;
    if (depth > DEPTH_MAX) this.#tooDeep(path);
    else if (place.stat.type === 'directory') this.#readDirectory(place.path, layer, depth + 1);
    else if (place.stat.type !== 'file') this.#report(path, 'is neither a file nor a directory');
    else if (this.#files++ < FILES_MAX) this.#readFile(place.path, layer, depth);
    // Said once: two files that source each other twice come to tens of thousands.
    else if (this.#files === FILES_MAX + 1) this.#report(path, `is one of more than ${FILES_MAX} files`);
    return true;
  }

  #tooDeep(path: Bytes): void {
    if (!this.#deep) this.#report(path, `lies deeper than ${DEPTH_MAX} directories or files that read each other`);
    this.#deep = true;
  }

  #readDirectory(path: Bytes, layer: Layer, depth: number): void {
    for (const name of this.#names(path)) {
      if (name.startsWith('.') || name.endsWith('~') || VERSION_CONTROL.includes(name)) continue;
      this.#readAt(join(path, name), layer, depth);
    }
  }

  #readFile(path: Bytes, layer: Layer, depth: number): void {
    const text = this.#textOf(path);
    if (text === undefined) return;
    const { statements, problems } = parseAssignments(text);
    for (const { line, why } of problems) this.#report(path, `line ${line}: ${why}`);
    for (const statement of statements) this.#carryOut(statement, path, layer, depth);
  }

  #carryOut(statement: Statement, file: Bytes, layer: Layer, depth: number): void {
    const { line } = statement;
    if (statement.kind === 'assign') {
      const value = this.#expand(statement.value, file, line);
      this.#variables.set(statement.name, value);
      layer.set(statement.name, value);
      return;
    }
    const path = this.#expand(statement.path, file, line);
    if (typeof path !== 'string') {
      this.#report(file, `line ${line}: ${path.why}`);
      return;
    }
    const absolute = path.startsWith('/') ? path.slice(1) : join(splitPath(file).parent, path as Bytes);
    if (!this.#readAt(absolute as Bytes, layer, depth + 1))
      this.#report(file, `line ${line}: there is no ${quoted(path as Bytes)}`);
  }

  #expand(word: readonly Piece[], file: Bytes, line: number): Value {
    let text = '';
    for (const piece of word) {
      let value: Value;
      if (typeof piece === 'string') value = piece;
      else if ('variable' in piece) value = this.#variables.get(piece.variable) ?? '';
      else return { file, line, why: `${quoted(piece.unknown)} would have to be run` };
      if (typeof value !== 'string') return value;
      text += value;
      if (text.length > VALUE_BYTES_MAX) return { file, line, why: `it is longer than ${VALUE_BYTES_MAX} bytes` };
    }
    return text;
  }

  #find(path: Bytes): { path: Bytes; stat: Stat } | undefined {
    return this.#trying(path, () => {
      const found = resolvePath(path, this.#fs, this.#root);
      if ('code' in found) {
        this.#report(path, `cannot be read: ${found.message}`);
        return undefined;
      }
      return found.stat === undefined ? undefined : { path: found.path, stat: found.stat };
    });
  }

  #names(directory: Bytes): Bytes[] {
    const names = this.#trying(directory, () => this.#fs.list(this.#root.at(directory)));
    return (names ?? []).map(({ name }) => name).sort();
  }

  #textOf(path: Bytes): Bytes | undefined {
    const { parent, name } = splitPath(path);
    return this.#trying(path, () => {
      const file = this.#fs.openFile(this.#root.at(parent), name);
      try {
        const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
        let size = 0;
        for (let count = -1; count !== 0 && size < buffer.length; size += count)
          count = this.#fs.read(file, buffer.subarray(size));
        if (size <= FILE_BYTES_MAX) return toBytes(buffer.subarray(0, size));
        this.#report(path, `is longer than ${FILE_BYTES_MAX} bytes`);
        return undefined;
      } finally {
        this.#fs.closeFile(file);
      }
    });
  }

  #trying<T>(path: Bytes, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#report(path, `cannot be read (${error.code})`);
      return undefined;
    }
  }

  #report(file: Bytes, what: string): void {
    this.problems.push({ code: 'PORTAGE_CONFIG_INVALID', path: file, message: `${quoted(file)} ${what}` });
  }
}

function collect(before: Value | undefined, value: Value): Value {
  if (before === undefined || typeof value !== 'string') return value;
  return typeof before === 'string' ? `${before} ${value}` : before;
}
