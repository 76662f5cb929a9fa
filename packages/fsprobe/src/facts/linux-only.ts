/** Questions that a merge never asks, so that they need no port. */
import { spawnSync } from 'node:child_process';
import * as sys from '@emplace/syscalls';
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

/** A program can be started from there: a script, through its interpreter and the kernel's check of the mount. */
export function execAllowed({ target, fs }: Workbench): Fact {
  const file = fs.createFile(target, sys.ascii('exec'), 0o700);
  try {
    fs.write(file, Buffer.from('#!/bin/sh\nexit 7\n'));
  } finally {
    fs.closeFile(file);
  }
  // Through its own descriptor: no path leads there that somebody could have changed, and /proc/PID/fd of this process
  // may be closed to it (EACCES, as of a noexec mount) where this one has changed its user.
  const stdio = ['ignore', 'ignore', 'ignore', target] as const;
  const { status, error } = spawnSync('/proc/self/fd/3/exec', { stdio: [...stdio], timeout: 10_000 });
  if (error === undefined) return status === 7 ? yes : notMeasured(`the program ended with ${status}`);
  const { code = error.message } = error as NodeJS.ErrnoException;
  return code === 'EACCES' ? refused(code) : notMeasured(`execve gave ${code}`);
}
