import { execute } from '@oclif/core';

// A reader that goes away (`| head`) must not end a merge in its middle: what it would have read is dropped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// What waits until such a reader has read everything waits for ever: then the command is done, and its exit code stands.
process.on('beforeExit', () => process.exit(process.exitCode));

await execute({ dir: import.meta.url });
