/** Questions that a merge never asks, so that they need no port. */
import { spawnSync } from 'node:child_process';
import * as sys from '@emplace/syscalls';
import type { FileHandle, Stat } from '../fs/port.ts';
import { NotOursError } from '../private-directory.ts';
import { type Fact, notMeasured, refused, yes } from './fact.ts';
import type { Workbench } from './workbench.ts';

/** O_TMPFILE, and a name for it by linkat (through /proc, which needs no capability). */
export function unnamedFile({ target, fs }: Workbench): Fact {
  const file = fs.createUnnamed(target);
  try {
    sys.linkat(
      sys.AT_FDCWD,
      sys.ascii(`/proc/self/fd/${file}`),
      target,
      sys.ascii('unnamed-file'),
      sys.AT_SYMLINK_FOLLOW,
    );
  } finally {
    fs.closeFile(file);
  }
  return yes;
}

/**
 * A program can be started from there: a script, through its interpreter and the kernel's check of the mount. Not asked
 * where somebody else could replace what is started, and it is started as what was written, not by its name.
 */
export function execAllowed(bench: Workbench): Fact {
  const exposed = bench.exposed('target');
  if (exposed !== undefined) return notMeasured(exposed);
  using program = writeProgram(bench, Buffer.from('#!/bin/sh\nexit 7\n'));
  // As its own descriptor: no path leads there that somebody could have changed, and /proc/PID/fd of this process may be
  // closed to it (EACCES, as of a noexec mount) where this one has changed its user.
  const stdio = ['ignore', 'ignore', 'ignore', program.file] as const;
  const { status, error } = spawnSync('/proc/self/fd/3', { stdio: [...stdio], timeout: 10_000 });
  if (error === undefined) return status === 7 ? yes : notMeasured(`the program ended with ${status}`);
  const { code = error.message } = error as NodeJS.ErrnoException;
  return code === 'EACCES' ? refused(code) : notMeasured(`execve gave ${code}`);
}

/** A handle that is not for writing (else ETXTBSY), on the very file that was written. @throws NotOursError */
function writeProgram({ target, fs }: Workbench, content: Buffer): Disposable & { readonly file: FileHandle } {
  const name = sys.ascii('exec');
  const written = fs.createFile(target, name, 0o700);
  let made: Stat;
  try {
    fs.write(written, content);
    made = fs.statHandle(written);
  } finally {
    fs.closeFile(written);
  }
  const file = fs.openFile(target, name);
  const found = fs.statHandle(file);
  if (found.ino === made.ino && found.dev === made.dev) return { file, [Symbol.dispose]: () => fs.closeFile(file) };
  fs.closeFile(file);
  throw new NotOursError('another program was put in the place of the one that was written');
}
