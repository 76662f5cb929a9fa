/** What the supervisor does about hooks, listeners and callers that change their mind. */
import { readdirSync, readFileSync } from 'node:fs';
import { file, type TemporaryDirectory, temporaryDirectory, writeTree } from '@emplace/fixtures';
import { describe, expect, test } from '@jest/globals';
import { commandHook, type MergeError, type MergeEvent, type MergeOptions, merge } from '../../src/index.ts';

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

describe('a handler of events that throws', () => {
  test('before the commit point stops the merge like a signal, and is the cause', async () => {
    using work = scene();
    const mine = new Error('mine');
    const onEvent = (event: MergeEvent): void => {
      if (event.type === 'mover') throw mine;
    };
    const error = await failure(merge(options(work, { onEvent })));
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
