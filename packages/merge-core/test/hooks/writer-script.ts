/** Writes one executable after the other into a directory, as fast as it can, until it is killed. */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';

// As fast as it can of what the machine has left: what is measured are the starts.
setPriority(19);
const [directory = '', program = ''] = process.argv.slice(2);
const content = readFileSync(program);
process.stdout.write('ready\n');
for (let i = 0; ; i++) {
  const path = join(directory, `other-${i % 100}`);
  writeFileSync(path, content, { mode: 0o755, flag: 'wx' });
  unlinkSync(path);
}
