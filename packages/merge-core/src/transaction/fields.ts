import type { Timestamp } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import { quotedText } from '../errors.ts';

/** The fields of one line, taken in order, each checked: what recovery does follows from them. */
export class Fields {
  readonly #values: readonly unknown[];
  readonly #fail: (why: string) => never;
  #next = 0;

  constructor(values: readonly unknown[], fail: (why: string) => never) {
    this.#values = values;
    this.#fail = fail;
  }

  any(): unknown {
    return this.#values[this.#next++];
  }

  string(): string {
    const value = this.any();
    return typeof value === 'string' ? value : this.#fail('a string is missing');
  }

  boolean(): boolean {
    const value = this.any();
    return typeof value === 'boolean' ? value : this.#fail('a boolean is missing');
  }

  count(): number {
    const value = this.any();
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : this.#fail('a count is missing');
  }

  integer(): number {
    const value = this.any();
    return Number.isSafeInteger(value) ? (value as number) : this.#fail('a number is missing');
  }

  bigint(): bigint {
    return BigInt(this.matching(/^\d{1,20}$/));
  }

  time(): Timestamp {
    return { sec: this.integer(), nsec: this.count() };
  }

  matching(pattern: RegExp): string {
    const value = this.string();
    return pattern.test(value) ? value : this.#fail(`${quotedText(value)} is not as expected`);
  }

  oneOf<const T extends string>(...allowed: readonly T[]): T {
    const value = this.any();
    return allowed.find((one) => one === value) ?? this.#fail(`${quotedText(value)} is unknown`);
  }

  literal<const T extends number>(expected: T): T {
    return this.any() === expected ? expected : this.#fail(`version is not ${expected}`);
  }

  list<T>(item: (value: unknown) => T): T[] {
    const value = this.any();
    return Array.isArray(value) ? value.map(item) : this.#fail('a list is missing');
  }

  /** A list of nested lists. */
  lists<T>(read: (fields: Fields) => T): T[] {
    return this.list((value) =>
      Array.isArray(value) ? read(new Fields(value, this.#fail)) : this.#fail('a list is missing'),
    );
  }

  /** What a nested list holds, or undefined for `null`. */
  nullable<T>(read: (fields: Fields) => T): T | undefined {
    const value = this.any();
    if (value === null) return undefined;
    return Array.isArray(value) ? read(new Fields(value, this.#fail)) : this.#fail('a list is missing');
  }

  /** One component: nothing that could lead elsewhere. */
  name(): Bytes {
    const value = this.string();
    return isName(value) ? (value as Bytes) : this.#fail('not a name');
  }

  nameOrNull(): Bytes | undefined {
    return this.#isNull() ? undefined : this.name();
  }

  pathOrNull(): Bytes | undefined {
    return this.#isNull() ? undefined : this.path();
  }

  /** Takes the next field if it is `null`. */
  #isNull(): boolean {
    if (this.#values[this.#next] !== null) return false;
    this.#next++;
    return true;
  }

  /** Relative, without `.`, `..` or empty components; `''` is the top. */
  path(): Bytes {
    const value = this.string();
    return value === '' || value.split('/').every(isName) ? (value as Bytes) : this.#fail('not a path below the tree');
  }

  absolutePath(): Bytes {
    const value = this.string();
    return value.startsWith('/') && !value.includes('\0') ? (value as Bytes) : this.#fail('not an absolute path');
  }
}

function isName(value: string): boolean {
  return value !== '' && value !== '.' && value !== '..' && !/[/\0]/.test(value);
}
