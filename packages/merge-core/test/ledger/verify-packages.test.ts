import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  asUser,
  directory,
  file,
  symlink,
  type TemporaryDirectory,
  temporaryDirectory,
  writeTree,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { ascii, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import {
  MergeError,
  mergeSync,
  type VerifiedPackage,
  type VerifyPackagesOptions,
  type VerifyReport,
  verify,
} from '../../src/index.ts';
import { parsePackageName } from '../../src/ledger/package-name.ts';
import type { VerifyAnswer } from '../../src/ledger/verify-crew.ts';
import { UnitVerifier } from '../../src/ledger/verify-work.ts';
import { nodeFlags } from '../../src/threads/node-flags.ts';

const MERGED = 1_500_000_000;

/** A root in which `app-misc/app-1` was merged by Emplace and `dev-libs/lib-2` by Portage. */
function scene(): TemporaryDirectory {
  const work = temporaryDirectory();
  work.make('root');
  writeTree(work.make('image'), [
    directory('etc'),
    file('etc/app.conf', 'a=1\n'),
    directory('usr'),
    directory('usr/bin'),
    file('usr/bin/app', 'program', { mode: 0o755 }),
    file('usr/bin/other', 'other', { mode: 0o755 }),
    symlink('usr/bin/link', 'app'),
  ]);
  mergeSync({ image: work.at('image'), root: work.at('root'), ledger: { package: 'app-misc/app-1', slot: '0' } });
  writeTree(work.at('root'), [directory('usr/lib'), file('usr/lib/lib.so', 'library')]);
  utimesSync(work.at('root/usr/lib/lib.so'), MERGED, MERGED);
  const md5 = createHash('md5').update('library').digest('hex');
  byPortage(work, 'dev-libs/lib-2', ['dir /usr/lib', `obj /usr/lib/lib.so ${md5} ${MERGED}`]);
  return work;
}

function byPortage(work: TemporaryDirectory, name: string, lines: readonly string[]): void {
  const entry = work.make(`root/var/db/pkg/${name}`);
  writeFileSync(`${entry}/CONTENTS`, lines.map((line) => `${line}\n`).join(''));
  writeFileSync(`${entry}/SLOT`, '0\n');
  writeFileSync(`${entry}/COUNTER`, '5');
}

async function ask(work: TemporaryDirectory, options: Partial<VerifyPackagesOptions> = {}): Promise<VerifyReport> {
  return await verify({ root: work.at('root'), threads: 2, ...options });
}

/** `PACKAGE PATH: WHAT` for each finding. */
function told({ packages }: VerifyReport): string[] {
  return packages.flatMap((one) =>
    one.findings.map(({ path, what, config }) => `${one.package} ${path}: ${what.join()}${config ? ' (config)' : ''}`),
  );
}

test('packages of Emplace and of Portage are as they were merged, and nothing is written to find that out', async () => {
  using work = scene();
  const before = readdirSync(work.at('root'), { recursive: true });
  const report = await ask(work);
  expect(report).toMatchObject({ isWhole: true, problems: [] });
  expect(report.packages.map((one) => [one.package, one.counts.entries])).toEqual([
    ['app-misc/app-1', 7],
    ['dev-libs/lib-2', 2],
  ]);
  expect(report.counts.bytesRead).toBe('a=1\nprogramotherlibrary'.length);
  expect(readdirSync(work.at('root'), { recursive: true })).toEqual(before);
});

test('what changed is told by package and path, the same whoever reads: threads, or this one', async () => {
  using work = scene();
  const at = (path: string): string => work.at(`root/${path}`);
  const { atime, mtime } = statSync(at('usr/bin/app'));
  writeFileSync(at('usr/bin/app'), 'PROGRAM');
  chmodSync(at('usr/bin/app'), 0o700);
  utimesSync(at('usr/bin/app'), atime, mtime);
  rmSync(at('usr/bin/other'));
  rmSync(at('usr/bin/link'));
  symlinkSync('elsewhere', at('usr/bin/link'));
  writeFileSync(at('etc/app.conf'), 'a=2\n');
  rmSync(at('usr/lib/lib.so'));
  symlinkSync('../bin/app', at('usr/lib/lib.so'));
  const report = await ask(work);
  expect(told(report)).toEqual([
    'app-misc/app-1 etc/app.conf: mtime,content (config)',
    'app-misc/app-1 usr/bin/app: mtime,content,mode',
    'app-misc/app-1 usr/bin/link: mtime,target',
    'app-misc/app-1 usr/bin/other: missing',
    'dev-libs/lib-2 usr/lib/lib.so: type',
  ]);
  expect(report).toMatchObject({ isWhole: false, counts: { changed: 4, configChanged: 1, unreadable: 0 } });
  expect(await ask(work, { threads: 0 })).toEqual(report);
  expect(await ask(work, { threads: 3 })).toEqual(report);
  expect(await ask(work, { threads: 1 })).toEqual(report);
  expect(told(await ask(work, { configProtect: [], ignoreConfig: true }))).toContain(
    'app-misc/app-1 etc/app.conf: mtime,content',
  );
  const whole = await ask(work, { packages: ['dev-libs/lib'], configProtect: ['/usr/lib'], ignoreConfig: true });
  expect(whole).toMatchObject({ isWhole: true, counts: { configChanged: 1 } });
});

test('packages are named by version, by name, or by name alone; one that is not installed is an error', async () => {
  using work = scene();
  byPortage(work, 'dev-libs/lib-3', []);
  const names = async (...packages: string[]): Promise<string[]> =>
    (await ask(work, { packages })).packages.map((one) => one.package);
  expect(await names('dev-libs/lib-2')).toEqual(['dev-libs/lib-2']);
  expect(await names('dev-libs/lib', 'lib')).toEqual(['dev-libs/lib-2', 'dev-libs/lib-3']);
  expect(await names('app', 'lib')).toHaveLength(3);
  await expect(names('app', 'ap', 'lib-2')).rejects.toMatchObject({
    code: 'NOT_INSTALLED',
    message: expect.stringMatching(/"ap", "lib-2"/),
  });
});

describe('a database with damage', () => {
  test('is told as such by package and line, and all that can be read is verified', async () => {
    using work = scene();
    writeFileSync(work.at('root/var/db/pkg/dev-libs/lib-2/CONTENTS'), 'dir /usr/lib\njunk\nobj /usr/lib/lib.so', {});
    truncateSync(work.at('root/var/db/pkg/app-misc/app-1/EMPLACE'), 100);
    work.make('root/var/db/pkg/app-misc/torn-1');
    byPortage(work, 'app-misc/odd-1', []);
    writeFileSync(work.at('root/var/db/pkg/app-misc/odd-1/COUNTER'), 'many');
    work.make('root/var/db/pkg/app-misc/no name');
    const report = await ask(work);
    const problems = (one: VerifiedPackage): string[] => one.problems.map(({ code, message }) => `${code} ${message}`);
    expect(report.packages.map((one) => [one.package, one.counts.entries, problems(one)])).toEqual([
      ['app-misc/app-1', 7, [expect.stringMatching(/^RECORD_UNREADABLE .*EMPLACE/)]],
      ['app-misc/odd-1', 0, [expect.stringMatching(/^VDB_DAMAGED .*COUNTER/)]],
      ['app-misc/torn-1', 0, [expect.stringMatching(/^VDB_DAMAGED .*half written/)]],
      [
        'dev-libs/lib-2',
        1,
        [expect.stringMatching(/^CONTENTS_DAMAGED .*line 2/), expect.stringMatching(/^CONTENTS_DAMAGED .*line 3/)],
      ],
    ]);
    expect(report.problems.map(({ message }) => message)).toEqual([expect.stringContaining('no name')]);
    expect(report.isWhole).toBe(false);
    expect(told(report)).toEqual([]);
  });

  test('or without one there is nothing to verify: that is an error', async () => {
    using work = temporaryDirectory();
    work.make('root');
    await expect(ask(work)).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('var/db/pkg'),
    });
    await expect(ask(work, { root: work.at('none') })).rejects.toMatchObject({ code: 'ROOT_MISSING' });
    using other = scene();
    await expect(ask(other, { threads: -1 })).rejects.toBeInstanceOf(MergeError);
  });
});

test('a package of many entries is shared among threads, and told as one in its place', async () => {
  using work = scene();
  const count = 20_000;
  writeTree(work.at('root'), [directory('usr/many')]);
  const lines = Array.from(
    { length: count },
    (_, i) => `obj /usr/many/file-that-is-not-there-${i} ${'0'.repeat(32)} 5`,
  );
  byPortage(work, 'app-misc/many-1', lines);
  const order: string[] = [];
  const report = await ask(work, { onPackage: (one) => void order.push(one.package) });
  expect(order).toEqual(['app-misc/app-1', 'app-misc/many-1', 'dev-libs/lib-2']);
  const many = report.packages[1];
  expect(many?.counts).toMatchObject({ entries: count, changed: count });
  expect(many?.findings.map(({ path }) => path)).toEqual(lines.map((line) => line.split(' ')[1]?.slice(1)));
});

test('a worker thread finds what this thread finds', async () => {
  using work = scene();
  rmSync(work.at('root/usr/bin/other'));
  writeFileSync(work.at('root/usr/bin/app'), 'PROGRAM');
  const root = toBytes(work.at('root'));
  const of = { name: parsePackageName('app-misc/app-1'), directory: ascii('var/db/pkg/app-misc/app-1') };
  const job = { root, vdb: ascii('var/db/pkg'), quick: false, configProtect: [], configProtectMask: [] };
  using here = new UnitVerifier(job);
  const unit = { of, part: 0, parts: 1 };
  const script = new URL('../../src/ledger/verify-worker.ts', import.meta.url);
  const worker = new Worker(script, { workerData: job, execArgv: nodeFlags(script.href) });
  const answers: VerifyAnswer[] = [];
  worker.on('message', (answer: VerifyAnswer) => void answers.push(answer));
  for (const question of [
    { number: 7, unit },
    { number: 8, unit: undefined },
  ])
    worker.postMessage(question);
  await once(worker, 'exit');
  expect(answers).toEqual([{ say: 'ready' }, { say: 'verified', number: 7, result: here.verify(unit) }]);
  expect(here.verify(unit).findings).toHaveLength(3);
});

test('what a listener throws ends the verification, threads and all', async () => {
  using work = scene();
  const onPackage = (): never => {
    throw new Error('the listener');
  };
  await expect(ask(work, { onPackage })).rejects.toThrow('the listener');
});

test('between two parts of the work timers and signals run in this thread, but for who asks for none of that', async () => {
  using work = scene();
  const seen = async (threads: number): Promise<boolean[]> => {
    const turns: boolean[] = [];
    let isRun = false;
    setImmediate(() => {
      isRun = true;
    });
    await ask(work, { threads, onPackage: () => void turns.push(isRun) });
    return turns;
  };
  expect(await seen(1)).toEqual([false, true]);
  expect(await seen(0)).toEqual([false, false]);
});

rootTest('threads that a limit of processes refuses are not missed', () => {
  using work = scene();
  for (const open of [work.path, dirname(work.path)]) chmodSync(open, 0o755);
  const script = fileURLToPath(new URL('./verify-alone-script.ts', import.meta.url));
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script, work.at('root')];
  const counts = JSON.parse(execFileSync(process.execPath, node, { encoding: 'utf8', timeout: 120_000 }));
  expect(counts).toMatchObject({ entries: 9, changed: 0, unreadable: 0 });
});

test('a process of few descriptors has no more threads than those are enough for', () => {
  using work = scene();
  const directories = Array.from({ length: 300 }, (_, number) => `usr/share/d${number}`);
  writeTree(
    work.at('root'),
    directories.map((path) => directory(path)),
  );
  const lines = directories.flatMap((path) =>
    Array.from({ length: 50 }, (_, number) => `obj /${path}/file-${number} ${'0'.repeat(32)} 5`),
  );
  byPortage(work, 'app-misc/many-1', [...directories.map((path) => `dir /${path}`), ...lines]);
  const script = fileURLToPath(new URL('./verify-limited-script.ts', import.meta.url));
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script, '80', work.at('root')];
  const counts = JSON.parse(execFileSync(process.execPath, node, { encoding: 'utf8', timeout: 120_000 }));
  expect(counts).toMatchObject({ entries: 9 + 300 + lines.length, changed: lines.length, unreadable: 0 });
});

rootTest('an ordinary user is told what it may not read, and the rest', async () => {
  using work = scene();
  for (const open of [work.path, dirname(work.path)]) chmodSync(open, 0o755);
  chmodSync(work.at('root/usr/bin/other'), 0o700);
  chmodSync(work.at('root/var/db/pkg/dev-libs/lib-2/CONTENTS'), 0o600);
  // This process is the user for a moment, which threads would not be: all is read at once.
  const { promise } = asUser(() => ({ promise: ask(work, { threads: 0 }) }));
  const report = await promise;
  expect(told(report)).toEqual(['app-misc/app-1 usr/bin/other: unreadable,mode']);
  expect(report.packages[1]?.problems).toEqual([expect.objectContaining({ code: 'VDB_DAMAGED' })]);
});

test('no descriptor is left open by this thread or another', async () => {
  using work = scene();
  const open = (): number => readdirSync('/proc/self/fd').length;
  await ask(work);
  const before = open();
  for (let i = 0; i < 3; i++) await ask(work);
  // A thread that was told to end closes its own when it does.
  while (open() > before) await new Promise(setImmediate);
});
