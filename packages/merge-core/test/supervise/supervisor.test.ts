/** What the supervisor does about hooks, listeners and callers that change their mind. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { directory, file, type TemporaryDirectory, temporaryDirectory, writeTree } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';
import lockfile from 'proper-lockfile';
import { commandHook, type MergeError, type MergeEvent, type MergeOptions, merge } from '../../src/index.ts';
import { hookPhases } from '../../src/steps.ts';

function scene(): TemporaryDirectory {
  const work = temporaryDirectory();
  writeTree(work.make('image'), [file('a', 'new'), file('b', 'new')]);
  writeTree(work.make('root'), [file('a', 'old'), file('b', 'old')]);
  return work;
}

function options(work: TemporaryDirectory, more: Partial<MergeOptions>): MergeOptions {
  return { image: work.at('image'), root: work.at('root'), sync: 'none', ...more };
}

function tree(work: TemporaryDirectory): string[] {
  return readdirSync(work.at('root')).map((name) => `${name}=${readFileSync(work.at(`root/${name}`), 'utf8')}`);
}

const OLD = ['a=old', 'b=old'];
const NEW = ['a=new', 'b=new'];

async function failure(promise: Promise<unknown>): Promise<MergeError> {
  return promise.then(
    () => {
      throw new Error('it merged');
    },
    (error: MergeError) => error,
  );
}

describe('a mover that is killed while a hook runs', () => {
  /** Kills the mover when a hook has begun; `hook` is the process id of that. */
  function killer(phase: string, seen: { hook: number }): (event: MergeEvent) => void {
    let mover = 0;
    return (event) => {
      if (event.type === 'mover') mover = event.pid;
      if (event.type !== 'hook-started' || event.phase !== phase || seen.hook !== 0) return;
      seen.hook = event.pid;
      process.kill(mover, 'SIGKILL');
    };
  }

  test('before the commit point: the hook is ended first, then the old tree is brought back', async () => {
    using work = scene();
    const seen = { hook: 0 };
    const hooks = [commandHook('pre-commit=exec sleep 600')];
    const error = await failure(merge(options(work, { hooks, onEvent: killer('pre-commit', seen) })));
    expect(error).toMatchObject({ code: 'MOVER_DIED', outcome: 'rolled-back', exitCode: 4 });
    expect(() => process.kill(seen.hook, 0)).toThrow('ESRCH');
    expect(tree(work)).toEqual(OLD);
  });

  test('after it: the hook ends by itself, those of later phases run, and the report is that of a merge', async () => {
    using work = scene();
    const seen = { hook: 0 };
    const log = work.at('log');
    const hooks = [
      commandHook(`post-commit=read -r x <&- ; echo first >> ${log}`),
      commandHook(`post-clean=echo second >> ${log}`),
    ];
    const report = await merge(options(work, { hooks, onEvent: killer('post-commit', seen) }));
    expect(report).toMatchObject({ outcome: 'merged', counts: { replaced: 2 } });
    expect(report.warnings.map(({ code }) => code)).toContain('COMPLETED_BY_RECOVERY');
    expect(readFileSync(log, 'utf8')).toBe('first\nsecond\n');
    expect(report.hooks?.map(({ phase }) => phase)).toEqual(['post-commit', 'post-clean']);
    expect(tree(work)).toEqual(NEW);
  });
});

describe('a mover that is killed', () => {
  test.each(['plan', 'stage'] as const)('in the phase %s leaves the root as it was, its time too', async (victim) => {
    using work = scene();
    const root = (): bigint => statSync(work.at('root'), { bigint: true }).mtimeNs;
    const before = root();
    let mover = 0;
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'mover') mover ||= event.pid;
      if (event.type === 'phase' && event.phase === victim) process.kill(mover, 'SIGKILL');
    };
    // It waits there: neither is it told too late, nor has it gone on.
    const hooks = [commandHook('pre-commit=exec sleep 600')];
    const error = await failure(merge(options(work, { hooks, onEvent })));
    expect(error).toMatchObject({ code: 'MOVER_DIED' });
    // It went on until it was dead.
    expect(['refused', 'rolled-back']).toContain(error.outcome);
    expect({ tree: tree(work), time: root() }).toEqual({ tree: OLD, time: before });
  });

  test('when all is done but its last hook is told as merged', async () => {
    using work = scene();
    let mover = 0;
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'mover') mover ||= event.pid;
      if (event.type === 'hook-started') process.kill(mover, 'SIGKILL');
    };
    const report = await merge(options(work, { hooks: [commandHook('post-clean=exec sleep 0.1')], onEvent }));
    expect(report).toMatchObject({ outcome: 'merged', counts: { replaced: 2 } });
    expect(report.warnings.map(({ code }) => code)).toEqual(['COMPLETED_BY_RECOVERY']);
    expect(tree(work)).toEqual(NEW);
  });
});

describe('the lock of a merge, as proper-lockfile sees it,', () => {
  const isLocked = (work: TemporaryDirectory): boolean => {
    const path = work.at('root/.emplace/announced');
    return lockfile.checkSync(path, { lockfilePath: path, realpath: false });
  };
  const announced = '.emplace/announced';

  test('is there while a hook runs, and is kept fresh meanwhile', async () => {
    using work = scene();
    const before: boolean[] = [];
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'hook-started') before.push(isLocked(work));
    };
    // It ends when it was touched.
    const time = `$(stat -c %Y ${announced})`;
    const hooks = [commandHook(`pre-commit=first="${time}"; while [ "${time}" = "$first" ]; do sleep 0.1; done`)];
    expect((await merge(options(work, { hooks, onEvent }))).warnings).toEqual([]);
    expect([...before, isLocked(work)]).toEqual([true, false]);
  });

  test('may be taken away, which is told and changes nothing', async () => {
    using work = scene();
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'warning') writeFileSync(work.at('told'), '');
    };
    const hooks = [
      commandHook(`pre-commit=rmdir ${announced}; while [ ! -e '${work.at('told')}' ]; do sleep 0.1; done`),
    ];
    const report = await merge(options(work, { hooks, onEvent }));
    expect(report.warnings).toMatchObject([
      { code: 'LOCK_COMPROMISED', message: expect.stringContaining('it is gone') },
    ]);
    expect(tree(work)).toEqual(NEW);
  });
});

rootTest('a merge that is planned again when it was half done asks its hooks once', async () => {
  using work = temporaryDirectory();
  await using fuse = await mountFuse(work.at('fuse'));
  const trees = { image: `${fuse.path}/image`, root: `${fuse.path}/root` };
  for (const [top, content] of [
    [trees.image, 'new'],
    [trees.root, 'old'],
  ] as const) {
    mkdirSync(top);
    writeTree(top, [directory('d', {}), file('d/a', content)]);
  }
  // What was measured elsewhere does not hold there.
  await fuse.rules(
    (['RENAME', 'RENAME2'] as const).map((operation) => ({ operation, path: '^/image/d/a$', answer: 'EXDEV' })),
  );
  const log = work.at('log');
  const hooks = hookPhases.map((phase) => commandHook(`${phase}=tr '\\0' ' ' >> ${log}; echo ${phase} >> ${log}`));
  const phases: string[] = [];
  const onEvent = (event: MergeEvent): void => void (event.type === 'phase' && phases.push(event.phase));
  const report = await merge({ ...trees, sync: 'none', hooks, onEvent });
  expect(phases.filter((phase) => phase === 'stage').length).toBe(2);
  expect(report.hooks?.map(({ phase }) => phase)).toEqual(hookPhases);
  expect(readFileSync(log, 'utf8').split('\n')).toEqual([...hookPhases.map((phase) => `d/a ${phase}`), '']);
  expect(readFileSync(`${trees.root}/d/a`, 'utf8')).toBe('new');
});

describe('a handler of events that throws', () => {
  test('before the commit point stops the merge like a signal, and is the cause', async () => {
    using work = scene();
    const mine = new Error('mine');
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'mover') throw mine;
    };
    // It waits there: what is thrown is heard before the commit point.
    const hooks = [commandHook('pre-commit=exec sleep 600')];
    const error = await failure(merge(options(work, { hooks, onEvent })));
    expect(error).toMatchObject({ code: 'INTERRUPTED', outcome: 'rolled-back', cause: mine });
    expect(tree(work)).toEqual(OLD);
  });

  test('after it is a warning of a merge that stands', async () => {
    using work = scene();
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'phase' && event.phase === 'clean-up') throw new Error('mine');
    };
    const report = await merge(options(work, { onEvent }));
    expect(report.warnings).toMatchObject([{ code: 'LISTENER_FAILED', message: expect.stringContaining('mine') }]);
    expect(tree(work)).toEqual(NEW);
  });
});

test('a caller that aborts is heard before the mover is ready, and while it waits for a hook', async () => {
  for (const phase of ['mover', 'hook-started']) {
    using work = scene();
    const stop = new AbortController();
    const onEvent = (event: MergeEvent): void => {
      if (event.type === phase) stop.abort();
    };
    const hooks = [commandHook('pre-commit=exec sleep 600')];
    const error = await failure(merge(options(work, { hooks, onEvent, signal: stop.signal })));
    expect({ phase, code: error.code }).toEqual({ phase, code: 'INTERRUPTED' });
    expect(tree(work)).toEqual(OLD);
  }
});

test('times that are none are refused', async () => {
  using work = scene();
  for (const wrong of [
    { stallTimeoutMs: 0 },
    { stallTimeoutMs: Number.NaN },
    { lockTimeoutMs: -1 },
    { lockTimeoutMs: 2 ** 31 },
  ])
    expect(await failure(merge(options(work, wrong)))).toMatchObject({ code: 'BAD_OPTION' });
  expect(tree(work)).toEqual(OLD);
});

test('two merges in one process, on two roots, at the same time', async () => {
  using first = scene();
  using second = scene();
  const reports = await Promise.all([first, second].map((work) => merge(options(work, {}))));
  expect(reports.map(({ outcome }) => outcome)).toEqual(['merged', 'merged']);
  expect([tree(first), tree(second)]).toEqual([NEW, NEW]);
});

test('a merge gives back the memory that it shared with its mover', async () => {
  using work = scene();
  await merge(options(work, {}));
  expect(readFileSync('/proc/self/maps', 'latin1')).not.toContain('emplace-page');
});
