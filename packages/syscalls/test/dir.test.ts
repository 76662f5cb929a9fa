import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch } from './scratch.ts';

function list(fd: number): Map<sys.Bytes, number> {
  const found = new Map<sys.Bytes, number>();
  while (sys.getdents64(fd, (name, type) => found.set(name, type)));
  return found;
}

test('a directory lists names as bytes, with types, without itself and its parent', () => {
  using scratch = new Scratch();
  scratch.closedFile('file');
  for (const name of ['...', '.hidden', '..a']) scratch.closedFile(name);
  sys.mkdirat(scratch.dir, sys.ascii('dir'), 0o755);
  sys.symlinkat(sys.ascii('x'), scratch.dir, sys.ascii('link'));
  sys.mknodat(scratch.dir, sys.ascii('fifo'), sys.S_IFIFO, 0);
  const odd = sys.toBytes(Uint8Array.of(0xff, 0x0a, 0xc3));
  sys.mkdirat(scratch.dir, odd, 0o755);
  const { DT_DIR, DT_FIFO, DT_LNK, DT_REG } = sys;
  expect(Object.fromEntries(list(scratch.dir))).toEqual({
    ...{ file: DT_REG, '...': DT_REG, '.hidden': DT_REG, '..a': DT_REG },
    ...{ dir: DT_DIR, link: DT_LNK, fifo: DT_FIFO, [odd]: DT_DIR },
  });
});

test('a directory larger than the buffer is listed whole, and again after seeking back', () => {
  using scratch = new Scratch();
  for (let i = 0; i < 6000; i++) scratch.closedFile(`${i}-${'n'.repeat(40)}`);
  const names = [...list(scratch.dir).keys()].sort();
  expect(names).toEqual(readdirSync(scratch.path).sort());
  expect(list(scratch.dir).size).toBe(0);
  sys.lseek(scratch.dir, 0, sys.SEEK_SET);
  expect(list(scratch.dir).size).toBe(6000);
});

test('what is no directory is not listed', () => {
  using scratch = new Scratch();
  const fd = scratch.file('file');
  expect(failure(() => list(fd))).toBe('ENOTDIR getdents64');
  sys.close(fd);
  expect(failure(() => list(fd))).toBe('EBADF getdents64');
});
