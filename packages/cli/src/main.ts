import { commandOf } from './straight.ts';

/** Exit code: the work is done, and nobody knows what came of it. */
const OUTPUT_LOST = 7;

/** The command line: `words` are what follows its name. */
export async function main(words: readonly string[]): Promise<void> {
  // What waits until a reader of ours has read everything waits for ever: then the command is done, and its exit code stands.
  process.on('beforeExit', () => process.exit(process.exitCode));
  const command = await commandOf(words);
  keepOutput();
  try {
    if (await command?.()) return;
  } catch (error) {
    return (await import('./by-oclif.ts')).tellByOclif(error);
  }
  const { runByOclif } = await import('./by-oclif.ts');
  keepOutput();
  await runByOclif(words);
}

/**
 * Whoever reads what we print may go away (`| head`), or have no room for it (a log on a full disk): that must not end a merge in
 * its middle. What it would have read is dropped. oclif's own handler, there once that is loaded, ends the process.
 */
function keepOutput(): void {
  process.stderr.on('error', () => {});
  process.stdout.removeAllListeners('error');
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`standard output could not be written to: ${error.message}\n`);
    process.exitCode ||= OUTPUT_LOST;
  });
}
