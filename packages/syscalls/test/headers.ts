import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Arch = 'x64' | 'arm64';

const MACHINES = {
  x64: { headers: '/usr/x86_64-linux-gnu/include', macros: ['__x86_64__', '__amd64__'] },
  arm64: { headers: '/usr/aarch64-linux-gnu/include', macros: ['__aarch64__', '__AARCH64EL__'] },
} as const;

const HEADERS =
  'dirent errno fcntl limits stdio sys/prctl sys/resource sys/file sys/mman sys/socket sys/stat sys/statvfs unistd linux/close_range linux/capability linux/fs linux/openat2 linux/xattr asm/unistd';

/** Headers whose DT_*, RLIMIT_*, SOCK_*, MSG_* and ST_* are enumerators, which a preprocessor leaves: every architecture shares them. */
const ENUMERATORS = 'dirent sys/resource sys/socket sys/statvfs';

/**
 * What the C headers of an architecture say. Its headers expand the names; the compiler of this machine computes the
 * expressions that come out (both have 64-bit longs and 32-bit ints). Throws when gcc or the headers are missing: the
 * other architecture's come from Debian's packages linux-libc-dev-*-cross and libc6-dev-*-cross.
 */
export function headerValues(arch: Arch, names: readonly string[], headers: string = HEADERS): Record<string, number> {
  const asked = names.map((name) => `asked_${name} = ${name};`);
  const text = inTemporary((dir) => {
    writeFileSync(join(dir, 'names.c'), `${includes(headers)}${asked.join('\n')}\n`);
    return gcc(dir, ['-E', '-P', ...crossFlags(arch), 'names.c']);
  });
  const answers = Array.from(text.matchAll(/asked_(\w+) = ([^;]*);/g));
  if (answers.length !== names.length) throw new Error(`${answers.length} of ${names.length} names came out`);
  const values = evaluate(
    answers.map(([, , expression]) => expression as string),
    ENUMERATORS,
  );
  return Object.fromEntries(answers.map(([, name], i) => [name, values[i]]));
}

/** The values of C expressions on this machine, for instance `offsetof(struct statx, stx_ino)`. */
export function evaluate(expressions: readonly string[], headers: string): number[] {
  const lines = expressions.map((expression) => `printf("%lld\\n", (long long)(${expression}));`);
  return inTemporary((dir) => {
    const body = `int main(void) {\n${lines.join('\n')}\n}\n`;
    writeFileSync(join(dir, 'values.c'), includes(`stddef stdio ${headers}`) + body);
    gcc(dir, ['-w', '-o', 'values', 'values.c']);
    return execFileSync(join(dir, 'values'), { encoding: 'utf8' }).trim().split('\n').map(Number);
  });
}

function crossFlags(arch: Arch): string[] {
  if (arch === process.arch) return [];
  const compiler = gcc('/', ['-print-file-name=include']).trim();
  return [
    ...Object.values(MACHINES).flatMap(({ macros }) => macros.map((macro) => `-U${macro}`)),
    ...MACHINES[arch].macros.map((macro) => `-D${macro}=1`),
    ...['-nostdinc', '-isystem', compiler, '-isystem', MACHINES[arch].headers],
  ];
}

function includes(headers: string): string {
  return `#define _GNU_SOURCE\n${headers
    .split(' ')
    .map((header) => `#include <${header}.h>\n`)
    .join('')}`;
}

function gcc(cwd: string, args: readonly string[]): string {
  return execFileSync('gcc', args, { cwd, encoding: 'utf8' });
}

function inTemporary<T>(act: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'headers-'));
  try {
    return act(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
