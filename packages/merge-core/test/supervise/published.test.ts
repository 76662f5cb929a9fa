import type { FileHandle, FsPort } from '@emplace/fsprobe';
import { ascii, close } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { type Doing, newPage } from '../../src/supervise/page.ts';
import { published } from '../../src/supervise/published.ts';

test('a call stands on the page with its directories: a group, a mode or an offset is none', () => {
  const { page, fd } = newPage();
  using owned = new DisposableStack();
  owned.use(page);
  owned.adopt(fd, close);
  const seen: Doing[] = [];
  const look = (): void => void seen.push(page.main.read());
  const calls = { rename: look, chown: look, mkdir: look, write: look };
  const port = published(calls as unknown as FsPort, page.main);
  const [file, dir] = [7 as FileHandle, 8 as never];
  port.rename(dir, ascii('a'), 9 as never, ascii('b'));
  port.chown(file, 0, 5);
  port.mkdir(dir, ascii('d'), 0o755);
  port.write(file, Buffer.alloc(1), 2 ** 32 + 5);
  expect(seen.map(({ handles }) => handles)).toEqual([
    [8, 9],
    [7, 0],
    [8, 0],
    [7, 0],
  ]);
  expect(page.main.read().call).toBe(0);
});
