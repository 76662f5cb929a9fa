import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { TemporaryDirectory } from '@emplace/fixtures';

/** Says what execve(2) says of its argument, and nothing when that runs: no C library looks for a shell instead. */
const SOURCE = `
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
  execve(argv[1], argv + 1, environ);
  puts(strerrorname_np(errno));
  return 0;
}
`;

/** The kernel's own answer about a program, started in `cwd`: an errno name, or `runs`. Needs gcc. */
export function execve(place: TemporaryDirectory): (program: string, cwd: string) => string {
  const [source, binary] = [place.at('execve.c'), place.at('execve')];
  writeFileSync(source, `#define _GNU_SOURCE\n${SOURCE}`);
  execFileSync('gcc', ['-o', binary, source]);
  return (program, cwd) => execFileSync(binary, [program], { cwd, encoding: 'utf8' }).trim() || 'runs';
}
