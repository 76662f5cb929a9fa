import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { Scratch } from './scratch.ts';

/** What `script` prints while strace answers calls with errors; `inject` as strace(1) has it. Fails without strace. */
function underFaults(inject: readonly string[], script: string): string {
  using scratch = new Scratch();
  scratch.closedFile('file', 'content');
  const prelude = `
    import * as sys from '@emplace/syscalls';
    const dir = sys.open(${JSON.stringify(scratch.path)}, sys.O_RDONLY);
    const fd = sys.openat(dir, 'file', sys.O_RDWR);
    const code = (act) => { try { act(); return 'success'; } catch (error) { return error.code; } };`;
  const node = [process.execPath, '--conditions=@emplace/source', '--input-type=module', '-e', prelude + script];
  const traced = ['-f', '-qq', '-o', '/dev/null', ...inject.flatMap((rule) => ['-e', `inject=${rule}`]), ...node];
  const { stdout, stderr, error, status } = spawnSync('strace', traced, {
    cwd: new URL('../', import.meta.url).pathname,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

test('calls that do no harm twice are made again after a signal', () => {
  const calls = ['fsync', 'fdatasync', 'syncfs', 'fchmod', 'fchown', 'utimensat', 'flock', 'copy_file_range'];
  const printed = underFaults(
    [`${calls.join(',')},fstatfs,flistxattr,fsetxattr:error=EINTR:when=1..3`],
    `console.log([
      () => sys.fsync(fd), () => sys.fdatasync(fd), () => sys.syncfs(fd), () => sys.fchmod(fd, 0o600),
      () => sys.fchown(fd, 0xffffffff, 0xffffffff), () => sys.futimens(fd, { sec: 1, nsec: 1 }, { sec: 1, nsec: 1 }),
      () => sys.flock(fd, sys.LOCK_EX), () => sys.copyFileRange(fd, 0, fd, 100, 5), () => sys.fstatfs(fd),
      () => sys.flistxattr(fd), () => sys.fsetxattr(fd, 'user.a', Buffer.from('v')),
    ].map(code).join(' '))`,
  );
  expect(printed).toBe(Array.from({ length: 11 }, () => 'success').join(' '));
});

test('calls that change names are not: the first one may have worked', () => {
  const printed = underFaults(
    ['renameat,renameat2,linkat,symlinkat,mkdirat,mknodat,unlinkat:error=EINTR:when=1'],
    `console.log([
      () => sys.renameat(dir, 'file', dir, 'b'), () => sys.linkat(dir, 'file', dir, 'b'),
      () => sys.symlinkat('x', dir, 'b'), () => sys.mkdirat(dir, 'b', 0o700),
      () => sys.mknodat(dir, 'b', sys.S_IFIFO, 0), () => sys.unlinkat(dir, 'file'),
    ].map(code).join(' '))`,
  );
  expect(printed).toBe('EINTR EINTR EINTR EINTR EINTR EINTR');
});

test('a disturbed openat2 is tried again, but not for ever', () => {
  const open = `console.log(code(() => sys.openat2(dir, '.', sys.O_RDONLY, sys.RESOLVE_BENEATH)))`;
  expect(underFaults(['openat2:error=EAGAIN:when=1..5'], open)).toBe('success');
  expect(underFaults(['openat2:error=EAGAIN'], open)).toBe('EAGAIN');
});
