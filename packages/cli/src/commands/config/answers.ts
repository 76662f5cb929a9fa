import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type ShownLine, writeLines } from '../../render/config-lines.ts';

/** Somebody who is asked. */
export interface Answers extends Disposable {
  tell(lines: readonly ShownLine[]): void;
  /** One line without its end; undefined when there are no more, or a signal came. */
  ask(question: string): Promise<string | undefined>;
  /** Runs a program that has the terminal for itself. */
  apart<T>(act: () => T): T;
}

/**
 * Lines of a terminal or a pipe. The terminal stays as it is: it is the one who edits a line and makes signals of keys.
 * Lines that come before they are asked for wait.
 */
export function openAnswers(
  input: Readable,
  output: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> & NodeJS.WritableStream,
  signal: AbortSignal,
): Answers {
  const reader = createInterface({ input, terminal: false });
  const waiting: string[] = [];
  let isOver = false;
  let wake = (): void => {};
  reader.on('line', (line) => {
    waiting.push(line);
    wake();
  });
  const end = (): void => {
    isOver = true;
    wake();
  };
  reader.on('close', end);
  signal.addEventListener('abort', end);
  return {
    tell: (lines) => writeLines(lines, output),
    async ask(question) {
      output.write(question);
      if (waiting.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve));
      return signal.aborted ? undefined : waiting.shift();
    },
    apart(act) {
      reader.pause();
      try {
        return act();
      } finally {
        reader.resume();
      }
    },
    [Symbol.dispose]() {
      signal.removeEventListener('abort', end);
      reader.close();
    },
  };
}
