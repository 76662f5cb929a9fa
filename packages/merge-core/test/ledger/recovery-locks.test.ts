import { countCalls, stopAfter } from '@emplace/fixtures/faults';
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { MemoryPort } from '../../src/fs/memory.ts';
import { MergeError, mergeSync, recoverSync } from '../../src/index.ts';
import { first, packageOptions, packagePicture, packageWorld, second } from './package-world.ts';

/** An upgrade that was killed soon after a record of its journal was written. */
function killed(record: 'planned' | 'commit'): MemoryPort {
  const installed = packageWorld({ one: first, two: second, other: first });
  mergeSync(packageOptions(installed, 'one', '1'));
  const counted = countCalls(installed.clone());
  mergeSync(packageOptions(counted, 'two', '2'));
  for (let calls = 0; calls <= counted.calls; calls += 5) {
    const fs = installed.clone();
    expect(() => mergeSync(packageOptions(stopAfter(fs, calls), 'two', '2'))).toThrow();
    fs.crash();
    if (journal(fs).includes(`["${record}"`)) return fs;
  }
  throw new Error(`no journal has the record ${record}`);
}

function journal(fs: MemoryPort): string {
  try {
    const dir = fs.openRoot(ascii('/root/.emplace'));
    const file = fs.openFile(dir, ascii('journal'));
    const content = Buffer.alloc(1024 * 1024);
    return content.latin1Slice(0, fs.read(file, content));
  } catch {
    return '';
  }
}

/** Without the files of the lock, which the dead left. */
function treeOf(fs: MemoryPort): string[] {
  return packagePicture(fs).filter((line) => !/^\.emplace\/(lock|owner)/.test(line));
}

/** Portage is at work. @returns ends that */
function lockAsPortage(fs: MemoryPort, directory: string, name: string): () => void {
  const file = fs.openWritable(fs.openRoot(ascii(`/root/${directory}`)), ascii(name));
  expect(fs.tryRecordLock(file)).toBe(true);
  return () => fs.closeFile(file);
}

function code(act: () => unknown): string {
  try {
    act();
    return 'done';
  } catch (error) {
    if (error instanceof MergeError) return error.code;
    throw error;
  }
}

describe.each(['planned', 'commit'] as const)('a merge that was killed after its record %s', (record) => {
  test.each([
    ['var/db', '.pkg.portage_lockfile'],
    ['var/db/pkg/app-misc', '.app:0.portage_lockfile'],
  ])('is not recovered while Portage holds %s/%s (J.3)', (directory, name) => {
    const fs = killed(record);
    const before = treeOf(fs);
    const release = lockAsPortage(fs, directory, name);
    expect(code(() => recoverSync({ root: '/root', fs }))).toBe('LOCKED');
    expect(code(() => recoverSync({ root: '/root', fs, rollback: true }))).toBe('LOCKED');
    // Nor by a merge that has nothing to do with packages.
    expect(code(() => mergeSync({ image: '/other', root: '/root', fs }))).toBe('LOCKED');
    expect(treeOf(fs)).toEqual(before);
    release();
    expect(recoverSync({ root: '/root', fs }).outcome).toBe(record === 'commit' ? 'recovered' : 'rolled-back');
  });
});
