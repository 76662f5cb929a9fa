import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MergeError } from '@emplace/merge-core';
import type { Bytes } from '@emplace/syscalls';

/** The caller's editor, with its arguments, as git and others find it. */
export function editor(): string {
  return `${process.env.VISUAL || process.env.EDITOR || 'vi'} "$MERGED"`;
}

/** Bytes by the name of the variable that leads to them. */
interface ToolFiles {
  readonly MERGED: string;
  readonly [variable: string]: string;
}

/**
 * Runs a program for /bin/sh on texts in a directory that only we can read: they may hold secrets. It has the terminal.
 * @param like the file's name: its suffix tells an editor what it is
 * @returns MERGED as the program left it
 * @throws MergeError MERGE_TOOL_FAILED
 */
export function runTool(command: string, files: ToolFiles, like: Bytes, output: 'stdout' | 'stderr'): string {
  const directory = mkdtempSync(join(tmpdir(), 'emplace-config-'));
  try {
    const suffix = /\.[A-Za-z0-9]{1,16}$/.exec(like)?.[0] ?? '';
    const paths: Record<string, string> = {};
    for (const [variable, content] of Object.entries(files)) {
      const path = join(directory, `${variable}${suffix}`);
      writeFileSync(path, content, { encoding: 'latin1', mode: 0o600 });
      paths[variable] = path;
    }
    const { status, signal, error } = spawnSync('/bin/sh', ['-c', command], {
      stdio: ['inherit', output === 'stdout' ? 'inherit' : 2, 'inherit'],
      env: { ...process.env, ...paths },
    });
    if (error !== undefined) throw failed(`could not be started: ${error.message}`, error);
    if (signal !== null) throw failed(`was ended by ${signal}`);
    if (status !== 0) throw failed(`ended with ${status}`);
    return readMerged(join(directory, `MERGED${suffix}`));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A program may write it anew, or remove it. */
function readMerged(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw failed(`left no file to read: ${(error as Error).message}`, error);
  }
}

function failed(how: string, cause?: unknown): MergeError {
  return new MergeError('MERGE_TOOL_FAILED', `the program that was to merge ${how}`, { cause });
}
