/**
 * What Go issue 22315 is about: one thread writes a program and starts it while another one forks, whose child has what
 * is just being written until it executes something itself. Prints how the start ended: `started`, or an errno name.
 *
 *   node same-process-script.ts PATH PROGRAM OTHER
 *
 * PATH becomes a copy of PROGRAM. OTHER is what the other thread executes: its file system lets that take as long as all the rest.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';

const [path = '', program = '', other = ''] = process.argv.slice(2);

if (isMainThread) {
  const fd = openSync(path, 'wx', 0o755);
  writeSync(fd, readFileSync(program));
  new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2) });
  while (children().length === 0);
  closeSync(fd);
  const { error } = spawnSync(path);
  console.log((error as NodeJS.ErrnoException | undefined)?.code ?? 'started');
  for (const pid of children()) process.kill(pid, 'SIGKILL');
} else {
  spawnSync(other);
}

function children(): number[] {
  const threads = readdirSync('/proc/self/task');
  const pids = threads.flatMap((tid) => readFileSync(`/proc/self/task/${tid}/children`, 'latin1').match(/\d+/g) ?? []);
  return pids.map(Number);
}
