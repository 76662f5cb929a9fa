import { setTimeout as pause } from 'node:timers/promises';

/** oclif knows no flag whose value may be left out: `--watch` alone gets `seconds`. */
export function withInterval(argv: readonly string[], seconds: number): string[] {
  const at = argv.indexOf('--watch');
  if (at === -1 || /^\d/.test(argv[at + 1] ?? '')) return [...argv];
  return argv.toSpliced(at + 1, 0, `${seconds}`);
}

/** Calls `act`, then again `seconds` after it returned, until `signal` is aborted. */
export async function repeatedly(act: () => void, seconds: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    act();
    // A signal that came while `act` kept this thread busy is told in the next turn.
    await pause(seconds * 1000, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** Text in place of what a terminal shows. Lines that there is no room for are counted. */
export function redraw(text: string, terminal: { readonly rows?: number }): string {
  const lines = text.split('\n');
  const room = (terminal.rows ?? lines.length + 1) - 1;
  const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`];
  return `\x1b[H\x1b[2J\x1b[3J${shown.join('\n')}`;
}

/** Aborted when nobody reads what we print: `| head` ends the watch. */
export function readerGone(): AbortSignal {
  const gone = new AbortController();
  process.stdout.once('error', () => gone.abort());
  return gone.signal;
}
