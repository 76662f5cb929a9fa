import { execute } from '@oclif/core';

/** Exit code: the work is done, and nobody knows what came of it. */
const OUTPUT_LOST = 7;

// Whoever reads what we print may go away (`| head`), or have no room for it (a log on a full disk): that must not end a merge
// in its middle. What it would have read is dropped.
process.stderr.on('error', () => {});
// oclif's own handler ends the process.
process.stdout.removeAllListeners('error');
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`standard output could not be written to: ${error.message}\n`);
  process.exitCode ||= OUTPUT_LOST;
});

// What waits until such a reader has read everything waits for ever: then the command is done, and its exit code stands.
process.on('beforeExit', () => process.exit(process.exitCode));

await execute({ dir: import.meta.url });
