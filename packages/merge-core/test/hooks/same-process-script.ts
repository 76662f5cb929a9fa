/**
 * What Go issue 22315 is about: threads of one process that each write a program and start it. While one forks, its
 * child has what the others are just writing. Prints how many were started, and how often that was ETXTBSY.
 *
 *   node same-process-script.ts DIRECTORY PROGRAM STARTS_MAX
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads';

const THREADS = 4;
const [directory = '', program = '', startsMax = ''] = process.argv.slice(2);

if (isMainThread) {
  const counts = { starts: 0, busy: 0 };
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2) }),
  );
  for (const worker of workers) {
    worker.on('message', (code: string) => {
      counts.starts++;
      if (code === 'ETXTBSY') counts.busy++;
      // Enough to know: the rate is above 0.
      if (counts.busy < 3 && counts.starts < Number(startsMax)) return;
      console.log(JSON.stringify(counts));
      process.exit();
    });
  }
} else {
  const content = readFileSync(program);
  for (let i = 0; ; i++) {
    const path = join(directory, `thread-${threadId}-${i}`);
    writeFileSync(path, content, { mode: 0o755 });
    const { error } = spawnSync(path);
    parentPort?.postMessage((error as NodeJS.ErrnoException | undefined)?.code ?? 'started');
    rmSync(path);
  }
}
