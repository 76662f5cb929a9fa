/** In a namespace of its own: what an ordinary user's scan finds there. Arguments: a kind of file system, an option of /proc. */
import { execFileSync } from 'node:child_process';
import { chmodSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { asUser, USER } from '@emplace/fixtures';
import { scan } from '../../src/index.ts';
import { startWaiting } from '../processes/children.ts';
import { type Den, habitat } from './zoo.ts';

const [kind = 'tmpfs', option = ''] = process.argv.slice(2);

const NAMES = ['clean', 'replaced', 'of root'];
using home = habitat(kind, NAMES);
const [clean, replaced, ofRoot] = NAMES.map((name) => home.den(name)) as [Den, Den, Den];
for (let dir = clean.path; dir !== '/tmp'; dir = dirname(dir)) chmodSync(dir, 0o755);
const start = ({ at }: Den, uid: number) =>
  startWaiting(at('program'), [], { uid, gid: uid, env: { ...process.env, LD_PRELOAD: at('library') } });
await using cleanOne = await start(clean, USER);
await using replacedOne = await start(replaced, USER);
await using _rootsOne = await start(ofRoot, 0);
for (const { at } of [replaced, ofRoot]) {
  for (const name of ['program', 'library']) renameSync(at(`new-${name}`), at(name));
}
if (option !== '') execFileSync('mount', ['-o', `remount,${option}`, '/proc']);
const { processes, counts } = asUser(() => scan({ owners: [] }));
console.log(
  JSON.stringify({
    clean: processes.filter(({ pid }) => pid === cleanOne.pid).length,
    replaced: processes
      .filter(({ pid }) => pid === replacedOne.pid)
      .flatMap(({ findings }) => findings.map((one) => `${one.class} ${one.confidence}`)),
    others: processes.filter(({ pid }) => pid !== cleanOne.pid && pid !== replacedOne.pid).length,
    ...counts,
  }),
);
