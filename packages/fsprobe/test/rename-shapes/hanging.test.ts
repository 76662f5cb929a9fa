import { readdirSync, readFileSync } from 'node:fs';
import { temporaryDirectory } from '@emplace/fixtures';
import { type FuseMount, type FuseRule, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { type RenameShapes, type ShapeVerdict, shapeNames } from '@emplace/fsprobe';
import { describe, expect } from '@jest/globals';
import { type Caller, callProbe, type Form } from './caller.ts';

/** Short where a hang is certain: what is waited for never comes. */
const SHORT = 300;
const OK = { verdict: 'ok' };
const NAME = /^\.emplace-probe-[0-9a-f]{24}$/;

function renames(answer: string, path = ''): FuseRule[] {
  return (['RENAME', 'RENAME2'] as const).map((operation) => ({ operation, path, answer }));
}

function verdicts({ shapes }: RenameShapes): readonly ShapeVerdict[] {
  return shapeNames.map((name) => shapes[name]);
}

/** What a call that SIGKILL does not end comes to. */
const STUCK = {
  verdict: 'hung',
  afterMs: expect.any(Number),
  state: 'D',
  wchan: 'request_wait_answer',
  pid: expect.any(Number),
};

/** The end of the file system ends all that is stuck in it, and nothing stays. */
async function expectGone(fuse: FuseMount, ...callers: readonly Caller[]): Promise<void> {
  await fuse.abort();
  for (const caller of callers) await caller.gone();
  await fuse[Symbol.asyncDispose]();
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(fuse.path);
}

describe.each<Form>(['async', 'sync'])('the %s probe of a file system whose rename never answers', (form) => {
  rootTest('says so of every shape, and its caller ends while the children are still stuck', async () => {
    using place = temporaryDirectory();
    await using fuse = await mountFuse(place.at('fuse'), { rules: renames('hold') });
    const caller = callProbe(form, fuse.path, { timeoutMs: SHORT });
    const report = await caller.report;
    expect(verdicts(report)).toEqual(shapeNames.map(() => STUCK));
    expect(verdicts(report).every((one) => one.verdict === 'hung' && one.afterMs >= SHORT - 10)).toBe(true);
    // The caller and its supervisor have ended; only what the kernel holds is left, and named.
    const stuck = verdicts(report).map((one) => (one.verdict === 'hung' ? one.pid : undefined));
    for (const pid of stuck) expect(readFileSync(`/proc/${pid}/wchan`, 'utf8')).toBe('request_wait_answer');
    expect(caller.running().every((pid) => stuck.includes(pid))).toBe(true);
    expect(report.left.map((path) => path.startsWith(`${fuse.path}/`))).toEqual([true]);
    // The directory itself is not locked.
    expect(readdirSync(fuse.path)).toEqual([expect.stringMatching(NAME)]);
    await expectGone(fuse, caller);
  });

  rootTest('with one shape that hangs, says how the others are, and removes what they made', async () => {
    using place = temporaryDirectory();
    await using fuse = await mountFuse(place.at('fuse'), { rules: renames('hold', '/__pycache__/') });
    const caller = callProbe(form, fuse.path, { timeoutMs: 2_000 });
    const report = await caller.report;
    expect(report.shapes).toEqual({
      sibling: OK,
      subdirectory: OK,
      replaceInSubdirectory: OK,
      pycache: STUCK,
      replace: OK,
      nested: OK,
    });
    const [name = ''] = readdirSync(fuse.path);
    expect(report.left).toEqual([`${fuse.path}/${name}`]);
    expect(readdirSync(`${fuse.path}/${name}`)).toEqual(['pycache']);
    await expectGone(fuse, caller);
  });
});

rootTest('a rename that SIGKILL ends is hung all the same, but nothing is left of it', async () => {
  using place = temporaryDirectory();
  await using fuse = await mountFuse(place.at('fuse'), { rules: renames('hold-interruptible') });
  const caller = callProbe('async', fuse.path, { timeoutMs: SHORT });
  const report = await caller.report;
  const { pid, ...killable } = STUCK;
  expect(verdicts(report)).toEqual(shapeNames.map(() => ({ ...killable, state: 'S' })));
  expect(report.left).toEqual([]);
  expect(readdirSync(fuse.path)).toEqual([]);
  await caller.gone();
});

rootTest('a caller that is killed leaves nothing behind, though it cannot clean up itself', async () => {
  using place = temporaryDirectory();
  await using fuse = await mountFuse(place.at('fuse'), { rules: renames('hold-interruptible') });
  for (const form of ['async', 'sync'] as const) {
    const caller = callProbe(form, fuse.path);
    await fuse.held(shapeNames.length);
    caller.process.kill('SIGKILL');
    await caller.gone();
    expect(readdirSync(fuse.path)).toEqual([]);
  }
});

rootTest('a rename that is refused is told with its errno, shape by shape', async () => {
  using place = temporaryDirectory();
  const answers = { sibling: 'EPERM', pycache: 'EXDEV', replace: 'ENOSYS', nested: 'ENOENT' };
  const rules = Object.entries(answers).flatMap(([shape, errno]) => renames(errno, `/${shape}/`));
  await using fuse = await mountFuse(place.at('fuse'), { rules });
  const caller = callProbe('async', fuse.path);
  const report = await caller.report;
  const errno = (name: string): unknown => ({ verdict: 'errno', errno: name });
  expect(report.shapes).toEqual({
    sibling: errno('EPERM'),
    subdirectory: OK,
    replaceInSubdirectory: OK,
    pycache: errno('EXDEV'),
    replace: errno('ENOSYS'),
    nested: errno('ENOENT'),
  });
  expect([report.left, readdirSync(fuse.path)]).toEqual([[], []]);
  await caller.gone();
});

describe('what is not a rename is no verdict on rename', () => {
  const notMeasured = (why: string): unknown =>
    shapeNames.map(() => ({ verdict: 'not-measured', why: expect.stringContaining(why) }));

  rootTest('files that cannot be made', async () => {
    using place = temporaryDirectory();
    await using fuse = await mountFuse(place.at('fuse'), { rules: [{ operation: 'CREATE', answer: 'ENOSPC' }] });
    const report = await callProbe('async', fuse.path).report;
    expect(verdicts(report)).toEqual(notMeasured('ENOSPC: openat `entry.new`'));
    expect([report.left, readdirSync(fuse.path)]).toEqual([[], []]);
  });

  rootTest('files whose making hangs', async () => {
    using place = temporaryDirectory();
    await using fuse = await mountFuse(place.at('fuse'), { rules: [{ operation: 'CREATE', answer: 'hold' }] });
    const caller = callProbe('async', fuse.path, { timeoutMs: SHORT });
    const report = await caller.report;
    expect(verdicts(report)).toEqual(notMeasured('(D, request_wait_answer)'));
    expect(report.left).toHaveLength(1);
    await expectGone(fuse, caller);
  });

  rootTest('a directory that cannot even be opened', async () => {
    using place = temporaryDirectory();
    await using fuse = await mountFuse(place.at('fuse'), { rules: [{ operation: 'OPENDIR', answer: 'hold' }] });
    const callers = (['async', 'sync'] as const).map((form) => callProbe(form, fuse.path, { timeoutMs: SHORT }));
    for (const caller of callers) {
      const report = await caller.report;
      expect(verdicts(report)).toEqual(notMeasured('(D, request_wait_answer)'));
      expect(report.left).toHaveLength(1);
    }
    await expectGone(fuse, ...callers);
  });

  rootTest('a directory that vanishes while the probe runs', async () => {
    using place = temporaryDirectory();
    await using fuse = await mountFuse(place.at('fuse'), { rules: [{ operation: 'MKDIR', answer: 'hold' }] });
    const caller = callProbe('async', fuse.path);
    await fuse.held(1);
    await fuse.rules([{ operation: 'LOOKUP', path: '^/\\.emplace-probe-', answer: 'ENOENT' }]);
    await fuse.release();
    const report = await caller.report;
    expect(verdicts(report)).toEqual(notMeasured('ENOENT: openat2 `.emplace-probe-'));
    expect(report.left).toEqual([]);
  });

  rootTest('files that somebody removes while the probe runs', async () => {
    using place = temporaryDirectory();
    const rules: FuseRule[] = [{ operation: 'LOOKUP', path: '/entry\\.new$', answer: 'ENOENT' }];
    await using fuse = await mountFuse(place.at('fuse'), { rules });
    const report = await callProbe('async', fuse.path).report;
    expect(verdicts(report)).toEqual(notMeasured('its files were removed while it ran'));
  });
});

rootTest('a removal that hangs is given up: the verdicts stand, and what is left is named', async () => {
  using place = temporaryDirectory();
  await using fuse = await mountFuse(place.at('fuse'), { rules: [{ operation: 'UNLINK', answer: 'hold' }] });
  const caller = callProbe('async', fuse.path, { timeoutMs: 2_000 });
  const report = await caller.report;
  expect(verdicts(report)).toEqual(shapeNames.map(() => OK));
  expect(report.left).toEqual(readdirSync(fuse.path).map((name) => `${fuse.path}/${name}`));
  expect(report.left).toHaveLength(1);
  await expectGone(fuse, caller);
});
