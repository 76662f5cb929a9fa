/** A mover counts as started when it said so: whatever it does instead is a typed error, and nothing stays. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { file, temporaryDirectory, writeTree } from '@emplace/fixtures';
import { describe, expect, test } from '@jest/globals';
import { MergeError } from '../../src/errors.ts';
import { mergeRequest } from '../../src/options.ts';
import type { Supervision } from '../../src/supervise/crew.ts';
import { superviseMerge } from '../../src/supervise/supervisor.ts';

/** A mover that is this script. Its job is on stdin, what it says goes to descriptor 3. */
function script(source: string): readonly string[] {
  return [process.execPath, '-e', source];
}

const say = (message: object): string =>
  `require('fs').writeSync(3, ${JSON.stringify(`${JSON.stringify(message)}\n`)});`;
const fewDescriptors = fileURLToPath(new URL('./few-descriptors-script.ts', import.meta.url));
const forever = 'setInterval(() => {}, 1000);';

async function failure(command: readonly string[], more: Partial<Supervision> = {}) {
  using work = temporaryDirectory();
  writeTree(work.make('image'), [file('new', 'new')]);
  writeTree(work.make('root'), [file('old', 'old')]);
  const before = openDescriptors();
  const supervision: Supervision = {
    signal: undefined,
    stallTimeoutMs: 10_000,
    lockTimeoutMs: 0,
    handshakeMs: 10_000,
    hooks: { phases: [], reports: [], begun: new Set(), run: async () => {} },
    emit: () => {},
    command,
    ...more,
  };
  const request = mergeRequest({ image: work.at('image'), root: work.at('root'), onEvent: supervision.emit });
  const error = await superviseMerge(request, supervision).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MergeError)) throw error ?? new Error('it merged');
  expect({ image: readdirSync(work.at('image')), root: readdirSync(work.at('root')) }).toEqual({
    image: ['new'],
    root: ['old'],
  });
  // What was destroyed is closed when the event loop has turned.
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  // Jest itself gives some back meanwhile.
  expect(openDescriptors()).toBeLessThanOrEqual(before);
  return error;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('a mover that', () => {
  test.each([
    ['cannot be executed', ['/no/such/program'], /ENOENT/],
    ['may not be executed', ['/etc/passwd'], /EACCES/],
    [
      'crashes while it loads',
      script('throw new TypeError("no such module")'),
      /exit code 1: TypeError: no such module/,
    ],
    ['is killed before it says anything', script('process.kill(process.pid, "SIGKILL")'), /SIGKILL/],
    ['is of another release', script(say({ say: 'ready', protocol: 99, root: '' }) + forever), /speaks protocol 99/],
    ['says what no mover says', script(`require('fs').writeSync(3, 'hello\\n');${forever}`), /no mover says/],
    [
      'is killed in the middle of what it says',
      script("require('fs').writeSync(3, '{\"say\":'); process.kill(process.pid, 'SIGKILL')"),
      /it ended with SIGKILL/,
    ],
  ])('%s is a typed error, nothing is locked and nothing changed', async (_, command, why) => {
    const error = await failure(command);
    expect(error).toMatchObject({ code: 'MOVER_NOT_STARTED', outcome: 'refused', exitCode: 3 });
    expect(error.message).toMatch(why);
  });

  test('is the second one, and opened another root, is not let go on', async () => {
    const ready =
      "require('fs').writeSync(3, JSON.stringify({ say: 'ready', protocol: 3, root: String(process.pid) }) + '\\n');";
    const error = await failure(script(`${ready} process.stdin.once('data', () => process.exit(5))`));
    expect(error).toMatchObject({ code: 'MOVER_DIED', outcome: 'incomplete' });
    expect(error.message).toMatch(/exit code 5; and then: the mover did not start: it opened another root/);
  });

  test('says nothing is given up after a while', async () => {
    const error = await failure(script(forever), { handshakeMs: 300 });
    expect(error).toMatchObject({ code: 'MOVER_NOT_STARTED' });
    expect(error.message).toContain('said nothing within');
  });

  const agreed = say({ say: 'ready', protocol: 3, root: '' });
  const refused = { code: 'FILE_COLLISION', message: 'not this one', outcome: 'refused' };

  test('does not end after its last word is not waited for, and that word stands (G10)', async () => {
    const told: unknown[] = [];
    const emit: Supervision['emit'] = (event) => void (event.type === 'warning' && told.push(event.warning));
    const mover = script(agreed + say({ say: 'failed', error: refused }) + forever);
    expect(await failure(mover, { stallTimeoutMs: 200, emit })).toMatchObject(refused);
    expect(told).toMatchObject([
      { code: 'LEFT_BEHIND', message: expect.stringContaining('it did not end within 1000 ms of its last word') },
    ]);
  });

  test('says what to other readers of lines is two of them is understood', async () => {
    const locked = { code: 'LOCKED', message: 'held by `a\u2028b`', outcome: 'locked' };
    expect(await failure(script(say({ say: 'failed', error: locked })))).toMatchObject(locked);
  });

  test('gets no descriptors from a process that has none left is a typed error, and never ends that process', () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [file('new', 'new')]);
    const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', fewDescriptors];
    const said = execFileSync(process.execPath, [...node, work.at('image'), work.make('root')], { encoding: 'utf8' });
    const tries = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { code: string; why: string; kept: number });
    expect(tries.map(({ code }) => code)).toEqual([...tries.slice(1).map(() => 'MOVER_NOT_STARTED'), 'merged']);
    // Every step of it failed once. What Node had opened for a process that it could not start it never closes.
    for (const what of ['socketpair', 'memfd_create', 'spawn']) expect(said).toContain(what);
    for (const one of tries) if (!one.why.includes('spawn')) expect(one).toMatchObject({ kept: 0 });
  });

  test('finds the root gone says so itself', async () => {
    const gone = { code: 'ROOT_MISSING', message: 'the root cannot be opened', outcome: 'refused' };
    expect(await failure(script(say({ say: 'failed', error: gone })))).toMatchObject({
      code: 'ROOT_MISSING',
      exitCode: 2,
    });
  });
});
