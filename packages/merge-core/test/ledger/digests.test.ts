import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { linuxPort } from '@emplace/fsprobe';
import { ascii, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { digestData, digestNames, fileDigester, startDigests } from '../../src/ledger/digests.ts';

/** None, one buffer less one, exactly one, one more, several. */
const SIZES = [0, 1, 262_143, 262_144, 262_145, 1_000_000];

test('a file is read once for all digests, whatever its size, and has those of its bytes', () => {
  using work = temporaryDirectory();
  const fs = linuxPort();
  const dir = fs.openRoot(toBytes(work.path));
  const digest = fileDigester(digestNames, fs);
  for (const size of SIZES) {
    const data = Buffer.alloc(size, 'bytes that differ ');
    writeFileSync(work.at('file'), data);
    expect(digest(dir, ascii('file'))).toEqual({ size, digests: digestData(digestNames, data) });
  }
  fs.closeDir(dir);
});

test('reads that come short change nothing', () => {
  const data = Buffer.alloc(600_000, 'x1y2');
  let at = 0;
  const short = {
    openFile: () => 0 as never,
    closeFile: () => undefined,
    read: (_: unknown, buffer: Uint8Array) => {
      const count = Math.min(buffer.byteLength, 1000, data.length - at);
      buffer.set(data.subarray(at, at + count));
      at += count;
      return count;
    },
  };
  expect(fileDigester(['md5'], short)(0 as never, ascii('x'))).toEqual({
    size: data.length,
    digests: digestData(['md5'], data),
  });
});

test('data in pieces has the digests of the whole', () => {
  const running = startDigests(['md5', 'blake2b']);
  running.update(Buffer.from('ab'));
  running.update(Buffer.from('c'));
  expect(running.finish()).toEqual({ size: 3, digests: digestData(['md5', 'blake2b'], Buffer.from('abc')) });
});

toolTest('b2sum', 'the digests are those of md5sum, sha256sum and b2sum', () => {
  const data = Buffer.from('one of three\n');
  const sum = (tool: string): string => execFileSync(tool, { input: data, encoding: 'utf8' }).split(' ')[0] ?? '';
  expect(digestData(digestNames, data)).toEqual({
    md5: sum('md5sum'),
    sha256: sum('sha256sum'),
    blake2b: sum('b2sum'),
  });
});
