/** In a namespace of its own: what is measured with the /proc that is asked for, by root or, in a second run, by nobody. */
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { mountTmpfs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { toBytes } from '@emplace/syscalls';
import { probeLeak, type Way } from '../../src/index.ts';

const NOBODY = 65534;

const [proc = '', name = 'directory'] = process.argv.slice(2);

const rename: Way = {
  name: 'rename',
  replace: (image, root) => {
    for (const file of ['program', 'library', 'data']) renameSync(`${image}/${file}`, `${root}/${file}`);
  },
};

using place = temporaryDirectory();
const [source, target] = [place.make(`${name}/source`), place.make(`${name}/target`)];

if (proc === 'not-mounted') mountTmpfs('/proc');
// Below it is the /proc of the namespace outside.
if (proc === 'foreign') unmount('/proc');
if (proc.startsWith('hidepid=')) execFileSync('mount', ['-o', `remount,${proc}`, '/proc']);
if (proc.startsWith('hidepid=') || proc === 'unprivileged') {
  // A process that only changes its user id is not its own any more to /proc: one that is started so is.
  const node = [process.execPath, ...process.execArgv, process.argv[1] as string, 'as-it-is', name];
  execFileSync('setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', ...node], {
    stdio: 'inherit',
  });
} else {
  console.log(JSON.stringify(await probeLeak(toBytes(source), toBytes(target), [rename])));
}
