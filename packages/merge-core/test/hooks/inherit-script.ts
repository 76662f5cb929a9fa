/** Was itself given descriptor 63, as by `<(command)` of a shell. Prints which descriptors a program that it starts has. */
import { openSync, readdirSync } from 'node:fs';
import { pipe } from '@emplace/syscalls';
import { spawnProgram } from '../../src/index.ts';
import { specOf } from './wishes.ts';

openSync('/dev/null', 'r');
pipe();
const { promise: listed, resolve } = Promise.withResolvers<void>();
const ready = Promise.withResolvers<void>();

async function* input(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('ready\n');
  await listed;
}

const spec = specOf({ argv: ['/bin/cat'], stdin: input(), onLine: () => ready.resolve() });
const started = await spawnProgram(spec);
await ready.promise;
console.log(JSON.stringify([readdirSync('/proc/self/fd').includes('63'), readdirSync(`/proc/${started.pid}/fd`)]));
resolve();
await started.ended;
