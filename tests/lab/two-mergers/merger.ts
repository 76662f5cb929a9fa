/**
 * Merges, upgrades, unmerges and recovers on a root that others work on too, until there is a file `PLACE/stop`.
 *
 *   node merger.ts PLACE SEED locked|unlocked
 *
 * Prints a line of JSON when it is ready, for each mover that it starts and for each operation that ended. `unlocked` is the control: every
 * lock is told to be free.
 */
import { existsSync, rmSync } from 'node:fs';
import { randomOf } from '@emplace/fixtures';
import { linuxPort, MergeError, type MergeEvent, merge, recover, unmerge } from '@emplace/merge-core';
import { PACKAGES, VERSIONS, writeImage } from './packages.ts';

const [place = '', seed = '', locks = ''] = process.argv.slice(2);
const root = `${place}/root`;
const isUnlocked = locks === 'unlocked';
const random = randomOf(Number(seed));
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Every lock is ours at once. */
const unlocked = { ...linuxPort(), tryFlock: () => true, tryRecordLock: () => true };

async function operation(image: string): Promise<string> {
  const name = random.pick(PACKAGES);
  const version = random.pick(VERSIONS);
  const options = {
    root,
    sync: 'none',
    lockTimeoutMs: 60_000,
    inProcess: random.chance(0.5),
    ...(isUnlocked && { fs: unlocked }),
    onEvent: (event: MergeEvent): void => {
      if (event.type === 'mover') print({ mover: event.pid });
    },
  } as const;
  const kind = random.integer(10);
  if (kind === 0) return (await recover(options)).outcome;
  const ledger = { package: `lab/${name}-${version}`, slot: '0' };
  if (kind < 4) return (await unmerge({ ...options, ledger })).outcome;
  writeImage(image, name, version);
  const strategy = random.pick(['auto', 'auto', 'copy', 'hardlink', 'double-rename']);
  return (await merge({ ...options, image, strategy, ledger })).outcome;
}

print({});
for (let turn = 0; !existsSync(`${place}/stop`); turn++) {
  // Each its own: that of a merge which was killed is needed until somebody has recovered.
  const image = `${place}/images/${process.pid}-${turn}`;
  try {
    print({ ended: await operation(image) });
    rmSync(image, { recursive: true, force: true });
  } catch (error) {
    // Without locks anything may go wrong in any way: what counts is the root.
    if (!(error instanceof MergeError || isUnlocked)) throw error;
    print({ ended: error instanceof MergeError ? error.code : 'other', why: String(error) });
  }
}
