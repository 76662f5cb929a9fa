/** What hooks are told, in which order they run, and what their failure means in each phase. */
import { writeFileSync } from 'node:fs';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Changes,
  commandHook,
  type Hook,
  type HookFacts,
  type HookSettings,
  MergeError,
  type MergeEvent,
  runHooks,
  SpawnError,
} from '../../src/index.ts';
import { expectGivenBack, held, program } from './programs.ts';

let place: TemporaryDirectory;
let facts: HookFacts;
let events: MergeEvent[];
let before: ReturnType<typeof held>;
beforeEach(() => {
  place = temporaryDirectory();
  facts = { transaction: 't-1', root: toBytes(place.make('root')), image: toBytes(place.make('image')) };
  events = [];
  before = held();
});
afterEach(async () => {
  await expectGivenBack(before);
  place[Symbol.dispose]();
});

const CHANGES = ['usr/bin/tool', 'usr/share/fonts/a b\n.ttf', 'usr/share/fonts/\xff.txt'].map(ascii);

function hook(command: string, more: Partial<Hook> = {}): Hook {
  return { ...commandHook(`pre-commit=${command}`), ...more };
}

async function runAll(
  hooks: readonly Hook[],
  changes: Changes = CHANGES,
  settings: HookSettings = {},
): ReturnType<typeof runHooks> {
  const phase = hooks[0]?.phase ?? 'pre-commit';
  return runHooks(phase, hooks, facts, changes, (event) => void events.push(event), settings);
}

/** What hooks wrote to stdout and stderr. */
function said(): Bytes[] {
  return events.flatMap((event) => (event.type === 'hook-said' ? [event.line] : []));
}

async function errorOf(run: Promise<unknown>): Promise<MergeError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MergeError) return error;
  throw new Error('it did not fail', { cause: error });
}

describe('a hook is told', () => {
  test('of the merge by its environment, starting in the root', async () => {
    await runAll([hook('env | grep ^EMPLACE_ | sort; pwd -P', { name: toBytes('ä') })]);
    expect(said()).toEqual([
      toBytes('EMPLACE_HOOK=ä'),
      `EMPLACE_IMAGE=${facts.image}`,
      'EMPLACE_PHASE=pre-commit',
      `EMPLACE_ROOT=${facts.root}`,
      'EMPLACE_TRANSACTION=t-1',
      facts.root,
    ]);
  });

  test('the outcome once there is one, and nothing of a merge around this one', async () => {
    process.env.EMPLACE_OUTCOME = 'of another';
    process.env.EMPLACE_OTHER = 'x';
    try {
      await runAll([hook('echo "$EMPLACE_OUTCOME$EMPLACE_OTHER"')]);
      facts = { ...facts, outcome: 'merged' };
      await runAll([hook('echo "$EMPLACE_OUTCOME"', { phase: 'post-commit' })]);
    } finally {
      delete process.env.EMPLACE_OUTCOME;
      delete process.env.EMPLACE_OTHER;
    }
    expect(said()).toEqual(['', 'merged']);
  });

  test('our own environment, or a clean one', async () => {
    process.env.OF_THE_CALLER = 'here';
    try {
      await runAll([hook('echo "$OF_THE_CALLER"')]);
      await runAll([hook('echo "$OF_THE_CALLER"; command -v sh > /dev/null && echo found')], CHANGES, {
        cleanEnv: true,
      });
    } finally {
      delete process.env.OF_THE_CALLER;
    }
    expect(said()).toEqual(['here', '', 'found']);
  });

  test('a root that is not UTF-8 keeps it from starting, and says so', async () => {
    facts = { ...facts, image: ascii('/\xff') };
    const error = await errorOf(runAll([hook('true')]));
    expect(error).toMatchObject({ code: 'HOOK_NOT_STARTED', cause: { code: 'EILSEQ' } });
  });

  test('the changed paths on stdin, each ended by a NUL, bytes as they are', async () => {
    await runAll([hook(`cat > '${place.at('targets')}'; tr '\\0' '|' < '${place.at('targets')}'`)]);
    expect(said().join('\n')).toBe(`${CHANGES.join('|')}|`);
  });
});

describe('triggers', () => {
  const fonts = [{ operations: ['install', 'upgrade'], targets: ['usr/share/fonts/*', '!*.txt'].map(ascii) }] as const;
  const targets = "tr '\\0' '|'";

  test('a hook runs once when a path meets one, and gets those that do', async () => {
    await runAll([hook(targets, { triggers: fonts })]);
    expect(said().join('\n')).toBe(`${CHANGES[1]}|`);
  });

  test('it does not run when none does; without stdin it gets nothing', async () => {
    expect(await runAll([hook('true', { triggers: fonts })], [ascii('usr/share/fonts/only.txt')])).toEqual([]);
    await runAll([hook(`${targets}; echo .`, { triggers: fonts, needsTargets: false })]);
    expect(said()).toEqual(['.']);
  });

  test('the last target that matches decides, and the operation counts where it is known', async () => {
    const changes = (['install', 'upgrade', 'remove'] as const).map((operation) => ({
      path: ascii(operation),
      operation,
    }));
    const again = [{ operations: ['remove', 'install'], targets: ['*', '!*e*', 'remov?'].map(ascii) }] as const;
    await runAll([hook(targets, { triggers: again })], changes);
    expect(said()).toEqual(['install|remove|']);
  });

  test('changes may come from somewhere else, and are read as often as they are needed', async () => {
    const changes = {
      async *[Symbol.asyncIterator]() {
        yield* CHANGES;
      },
    };
    await runAll([hook(`${targets}; echo`, { triggers: fonts }), hook(`${targets} | wc -c`)], changes);
    expect(said().slice(-1)).toEqual([String(CHANGES.join('|').length + 1)]);
    const once = (function* () {
      yield* CHANGES;
    })();
    await expect(runAll([hook('true')], once)).rejects.toThrow('bug');
  });

  test('a million paths stream through, to one that reads them all and one that reads none', async () => {
    const changes = {
      *[Symbol.iterator]() {
        for (let i = 0; i < 1_000_000; i++) yield ascii(`usr/share/some/directory/with/a/file-${i}`);
      },
    };
    const peak = process.memoryUsage().rss;
    await runAll([hook("tr -cd '\\0' | wc -c"), hook('exit 0')], changes);
    expect(said()).toEqual(['1000000']);
    // All of them are 43 MB.
    expect(process.memoryUsage().rss - peak).toBeLessThan(200e6);
  });
});

describe('a failure', () => {
  const failing: readonly (readonly [what: string, command: string, message: RegExp, more: Partial<Hook>])[] = [
    [
      'an exit code',
      'echo first; echo "the\treason" >&2; exit 3',
      /`.*` failed with exit code 3: the\\x09reason$/s,
      {},
    ],
    ['a signal', 'kill -KILL $$', /was ended by SIGKILL$/, {}],
    ['a time that is over', 'exec sleep 1000', /took too long and was ended by SIGTERM$/, { timeoutMs: 50 }],
  ];

  test.each(failing)(
    'before the commit point, by %s, stops the merge and what would come',
    async (_, command, message, more) => {
      const error = await errorOf(runAll([hook(command, more), hook('echo second')]));
      expect(error).toMatchObject({ code: 'HOOK_FAILED', outcome: 'refused', message: expect.stringMatching(message) });
      expect(said()).not.toContain('second');
    },
  );

  test('after it is a warning, and the others run', async () => {
    const phase = 'post-commit';
    const reports = await runAll([hook('exit 3', { phase }), hook('echo second', { phase })]);
    expect(reports.map(({ result }) => result)).toMatchObject([
      { how: 'exited', code: 3 },
      { how: 'exited', code: 0 },
    ]);
    expect(events.map(({ type }) => type)).toEqual([
      ...['hook-started', 'hook-ended', 'warning'],
      ...['hook-started', 'hook-said', 'hook-ended'],
    ]);
    expect(events[2]).toMatchObject({
      warning: { code: 'HOOK_FAILED', message: expect.stringContaining('exit code 3') },
    });
  });

  test('of a hook that may not abort is a warning before the commit point too', async () => {
    await runAll([hook('exit 3', { abortOnFail: false }), hook('echo second')]);
    expect(said()).toEqual(['second']);
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
  });

  test('to start is told apart, with its cause, and such a hook never counts as started', async () => {
    const run = { argv: [toBytes(program(place.at('tool'), '#!/nowhere/sh\n'))] };
    const error = await errorOf(runAll([hook('a tool', { run })]));
    expect(error.code).toBe('HOOK_NOT_STARTED');
    expect(error.cause).toBeInstanceOf(SpawnError);
    expect(error.cause).toMatchObject({ code: 'ENOENT', blame: 'interpreter' });
    const [report] = await runAll([hook('a tool', { run, phase: 'post-clean' })]);
    expect(report?.result).toMatchObject({ how: 'not-started', error: { code: 'ENOENT' } });
    expect(events.filter(({ type }) => type === 'hook-started')).toEqual([]);
  });
});

describe('a merge that is stopped', () => {
  test('before the commit point ends the hook that runs, and is INTERRUPTED', async () => {
    const stop = new AbortController();
    const emit = (event: MergeEvent): void => {
      if (event.type === 'hook-said') stop.abort();
    };
    const run = runHooks('pre-stage', [hook('echo ready; exec sleep 1000', { phase: 'pre-stage' })], facts, [], emit, {
      signal: stop.signal,
    });
    expect(await errorOf(run)).toMatchObject({ code: 'INTERRUPTED', message: expect.stringContaining('was stopped') });
  });

  test('after it leaves out the hooks that have not begun, and says which', async () => {
    const phase = 'post-commit';
    const reports = await runAll([hook('echo', { phase })], CHANGES, { signal: AbortSignal.abort() });
    expect(reports).toMatchObject([{ hook: 'echo', result: { how: 'skipped' } }]);
    expect(events).toMatchObject([{ type: 'hook-ended' }, { type: 'warning', warning: { code: 'HOOK_FAILED' } }]);
  });
});

test('only the hooks of the phase run, in their order', async () => {
  writeFileSync(place.at('log'), '');
  const phases = ['pre-commit', 'post-commit', 'pre-commit'] as const;
  await runAll(
    phases.map((phase, i) => hook(`echo ${i} >> '${place.at('log')}'; cat '${place.at('log')}'`, { phase })),
  );
  expect(said()).toEqual(['0', '0', '2']);
});
