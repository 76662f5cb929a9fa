/** What recovery makes of the private directories in which a killed merge measured. */
import { Stopped, stopAfter } from '@emplace/fixtures/faults';
import { ascii, type Bytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { type MemoryPort, memoryPort } from '../../src/fs/memory.ts';
import { mergeSync, recoverSync } from '../../src/index.ts';
import { build, newTree, oldTree, picture } from './world.ts';

const BENCH = /-p[0-9a-z]+$/;
const BOB = 1001;

/** A merge that was killed in the middle of measuring, with something on its bench in the root. */
function killedWhileMeasuring(): { fs: MemoryPort; bench: Bytes } {
  for (let calls = 0; calls < 2_000; calls++) {
    const fs = memoryPort({ mounts: [{ path: '/image' }] });
    const top = fs.openRoot(ascii('/'));
    fs.mkdir(top, ascii('root'), 0o755);
    fs.closeDir(top);
    build(fs, ascii('/root'), oldTree);
    build(fs, ascii('/image'), newTree);
    try {
      mergeSync({ image: '/image', root: '/root', fs: stopAfter(fs, calls) });
      break;
    } catch (error) {
      if (!(error instanceof Stopped) && !(error instanceof SuppressedError)) throw error;
    }
    fs.crash();
    const bench = findBench(fs);
    if (bench !== undefined) return { fs, bench };
  }
  throw new Error('no merge was killed while it measured');
}

/** One of them that is not empty. */
function findBench(fs: MemoryPort): Bytes | undefined {
  const root = fs.openRoot(ascii('/root'));
  return fs.list(root).find(({ name }) => BENCH.test(name) && fs.list(fs.openDir(root, name)).length > 0)?.name;
}

/** In a root that everybody may write to: moves the bench away and puts a directory with a file in its place. */
function plant(fs: MemoryPort, bench: Bytes, owner: number, file: string): void {
  const root = fs.openRoot(ascii('/root'));
  fs.chmod(fs.pin(root, ascii('')), 0o777);
  fs.rename(root, bench, root, ascii('away'));
  fs.mkdir(root, bench, 0o700);
  const dir = fs.openDir(root, bench);
  fs.closeFile(fs.createFile(dir, ascii(file), 0o600));
  fs.chown(fs.pin(dir, ascii('')), owner, owner);
}

describe('recovery after a merge was killed while it measured', () => {
  test('removes what it measured in (G1)', () => {
    const { fs } = killedWhileMeasuring();
    expect(recoverSync({ root: '/root', fs }).warnings).toEqual([]);
    expect(picture(fs, ascii('/root'), false).filter((line) => line.includes('emplace'))).toEqual([]);
  });

  test.each([
    { whose: 'of somebody else', owner: BOB, file: 'owner', why: `another user (${BOB})` },
    { whose: 'of root, with other files', owner: 0, file: 'thesis', why: 'holds what no measurement makes' },
  ])('leaves a directory $whose that has its name, with a warning (J10)', ({ owner, file, why }) => {
    const { fs, bench } = killedWhileMeasuring();
    plant(fs, bench, owner, file);
    const { warnings } = recoverSync({ root: '/root', fs });
    expect(warnings).toEqual([expect.objectContaining({ code: 'LEFT_BEHIND', path: bench })]);
    expect(warnings[0]?.message).toContain(why);
    const root = fs.openRoot(ascii('/root'));
    expect(fs.list(fs.openDir(root, bench)).map(({ name }) => name)).toEqual([file]);
  });
});
