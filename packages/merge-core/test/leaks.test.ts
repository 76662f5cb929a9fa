/** (G9): no strategy lets a process that runs a replaced file show a path of the image, on any file system that there is. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { type LoopFs, makeLoopFs, mountTmpfs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { expect, test } from '@jest/globals';
import { probeLeaks } from '../src/index.ts';
import { builtIn } from '../src/strategy/select.ts';

/** `clean` but for the strategies that are impossible there. */
function verdicts(impossible: readonly string[]): object[] {
  const refused = { verdict: 'not-measured', step: 'way', code: 'STRATEGY_IMPOSSIBLE' };
  return builtIn.map(({ name }) => ({
    name,
    ...(impossible.includes(name) ? refused : { verdict: 'clean', unmeasured: [] }),
  }));
}

/** Measures from `source` to `target`, both of which have to be as empty afterwards as before. */
async function expectClean(
  source: string,
  target: string,
  control: string,
  impossible: readonly string[],
): Promise<void> {
  const report = await probeLeaks(source, target);
  expect(report).toMatchObject({ judged: true, control: { name: control, verdict: 'leaks' } });
  expect(report.ways).toEqual(verdicts(impossible));
  expect([...readdirSync(source), ...readdirSync(target)]).toEqual([]);
}

function mounted(at: string, mount: (at: string) => void): Disposable {
  mount(at);
  return { [Symbol.dispose]: () => unmount(at) };
}

const DISKS: readonly (readonly [LoopFs, number, readonly string[]])[] = [
  ['ext4', 64, ['reflink']],
  ['xfs', 320, []],
  ['btrfs', 128, []],
];

for (const [kind, sizeMiB, impossible] of DISKS) {
  testWith({ root: true, tools: [`mkfs.${kind}`] }, `every strategy that works on ${kind} is clean`, async () => {
    using place = temporaryDirectory();
    using _disk = mounted(place.at('disk'), (at) => makeLoopFs(kind, sizeMiB, at));
    await expectClean(place.make('disk/source'), place.make('disk/target'), 'exchange', impossible);
  });
}

testWith(
  { root: true, tools: ['mkfs.btrfs'] },
  'every strategy that works between two subvolumes is clean',
  async () => {
    using place = temporaryDirectory();
    using _disk = mounted(place.at('disk'), (at) => makeLoopFs('btrfs', 128, at));
    for (const name of ['source', 'target']) {
      execFileSync('btrfs', ['subvolume', 'create', place.at(`disk/${name}`)], { stdio: 'ignore' });
    }
    const impossible = ['rename', 'double-rename', 'hardlink'];
    await expectClean(place.at('disk/source'), place.at('disk/target'), 'exchange-on-target', impossible);
  },
);

rootTest('every strategy that works on tmpfs is clean, and so is what works into it from another mount', async () => {
  using place = temporaryDirectory();
  using _disk = mounted(place.at('disk'), (at) => mountTmpfs(at));
  const target = place.make('disk/target');
  await expectClean(place.make('disk/source'), target, 'exchange', ['reflink']);
  const impossible = ['rename', 'double-rename', 'hardlink', 'reflink'];
  await expectClean(place.make('source'), target, 'exchange-on-target', impossible);
});

rootTest('every strategy that works on overlay is clean, where the lower layer has the directories too', async () => {
  using place = temporaryDirectory();
  using _layers = mounted(place.at('layers'), (at) => mountTmpfs(at));
  for (const name of ['lower/source', 'lower/target', 'upper', 'work']) place.make(`layers/${name}`);
  using _overlay = mounted(place.make('merged'), (at) => mountOverlay(place.at('layers'), at));
  await expectClean(place.at('merged/source'), place.at('merged/target'), 'exchange', ['reflink']);
});

function mountOverlay(layers: string, at: string): void {
  const options = `lowerdir=${layers}/lower,upperdir=${layers}/upper,workdir=${layers}/work`;
  execFileSync('mount', ['-t', 'overlay', '-o', options, 'emplace-test', at]);
}

test('an empty path is refused', async () => {
  await expect(probeLeaks('', '/')).rejects.toMatchObject({ code: 'BAD_OPTION' });
  await expect(probeLeaks('/', '')).rejects.toMatchObject({ code: 'BAD_OPTION' });
});
