/** A merge holds few directories open, however many there are: in the image, in the root, in the package database. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  compareTrees,
  file,
  snapshotTree,
  type TemporaryDirectory,
  temporaryDirectory,
  writeTree,
} from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { expect } from '@jest/globals';

const script = fileURLToPath(new URL('./limited-script.ts', import.meta.url));
const DIRECTORIES = Array.from({ length: 200 }, (_, number) => `usr/share/d${number}`);
/** Node itself has some 20. */
const DESCRIPTORS = 80;

function version(text: string) {
  return DIRECTORIES.flatMap((path) => [file(`${path}/program`, text, { mode: 0o755 }), file(`${path}/data`, text)]);
}

function mergeLimited(work: TemporaryDirectory, taken?: string) {
  const ledger = { package: 'app-misc/app-1', slot: '0', digests: ['md5'], collisions: 'ignore' };
  const options = { image: work.at('image'), root: work.at('root'), sync: 'none', ledger };
  const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script];
  const asked = [String(DESCRIPTORS), JSON.stringify(options), ...(taken === undefined ? [] : [work.at(taken)])];
  return JSON.parse(execFileSync(process.execPath, [...node, ...asked], { encoding: 'utf8' }));
}

rootTest('a process with 80 descriptors merges and records a package of 200 directories', () => {
  using work = temporaryDirectory();
  writeTree(work.make('image'), version('new'));
  writeTree(work.make('root'), version('old'));
  expect(mergeLimited(work)).toEqual({ outcome: 'merged', replaced: 400 });
});

rootTest('it goes back too, when somebody takes a name that is new while the rest is placed', () => {
  using work = temporaryDirectory();
  writeTree(work.make('image'), [...version('new'), file('usr/share/zz/last', 'new')]);
  writeTree(work.make('root'), [...version('old'), file('usr/share/zz/other', 'old')]);
  const before = snapshotTree(work.at('root'));
  expect(mergeLimited(work, 'root/usr/share/zz/last')).toMatchObject({ code: 'COMMIT_FAILED', outcome: 'rolled-back' });
  expect(compareTrees(before, snapshotTree(work.at('root')))).toEqual(['`usr/share/zz/last`: unexpected file']);
});
