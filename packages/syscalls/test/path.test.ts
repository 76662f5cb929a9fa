import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as sys from '../src/index.ts';
import { failure, Scratch } from './scratch.ts';

test('every byte that may stand in a name goes in and out unchanged', () => {
  using scratch = new Scratch();
  for (let byte = 1; byte < 256; byte++) {
    if (byte === 0x2f || byte === 0x2e) continue;
    const name = sys.toBytes(Uint8Array.of(byte));
    sys.mkdirat(scratch.dir, name, 0o755);
    sys.unlinkat(scratch.dir, name, sys.AT_REMOVEDIR);
    sys.symlinkat(name, scratch.dir, name);
    expect(sys.readlinkat(scratch.dir, name)).toBe(name);
  }
  const onDisk = readdirSync(Buffer.from(scratch.path), { encoding: 'buffer' });
  expect(onDisk.map((name) => name[0]).sort((a, b) => Number(a) - Number(b))).toHaveLength(253);
});

test('a name may be given as raw bytes too', () => {
  using scratch = new Scratch();
  const raw = Uint8Array.of(0xff, 0x0a, 0x61);
  sys.mkdirat(scratch.dir, raw, 0o755);
  expect(readdirSync(Buffer.from(scratch.path), { encoding: 'buffer' })).toEqual([Buffer.from(raw)]);
  expect(failure(() => sys.mkdirat(scratch.dir, raw, 0o755))).toBe('EEXIST mkdirat');
});

test('a NUL in a path is refused, never taken for its end', () => {
  using scratch = new Scratch();
  scratch.closedFile('file');
  expect(failure(() => sys.unlinkat(scratch.dir, sys.toBytes('file\0.bak')))).toBe('EINVAL unlinkat');
  expect(failure(() => sys.unlinkat(scratch.dir, Buffer.from('file\0')))).toBe('EINVAL unlinkat');
  const rename = () => sys.renameat(scratch.dir, sys.ascii('file'), scratch.dir, sys.toBytes('x\0y'));
  expect(failure(rename)).toBe('EINVAL renameat');
  expect(readdirSync(scratch.path)).toEqual(['file']);
});

test('a path of 4,095 bytes is the longest', () => {
  using scratch = new Scratch();
  const long = `${'./'.repeat(2045)}abcde`;
  expect(long).toHaveLength(4095);
  sys.mkdirat(scratch.dir, sys.ascii(long), 0o755);
  expect(readdirSync(scratch.path)).toEqual(['abcde']);
  expect(failure(() => sys.mkdirat(scratch.dir, sys.ascii(`${long}f`), 0o755))).toBe('ENAMETOOLONG mkdirat');
  expect(failure(() => sys.mkdirat(scratch.dir, sys.ascii('n'.repeat(256)), 0o755))).toBe('ENAMETOOLONG mkdirat');
});
