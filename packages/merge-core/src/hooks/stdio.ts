import { close, pipe } from '@emplace/syscalls';
import type { Chunks } from './input.ts';

/** Our ends of a program's pipes. */
export interface Ends {
  readonly stdin: number | undefined;
  readonly stdout: number;
  readonly stderr: number;
}

/** Its own disposal closes the program's ends, and ours unless they were taken. */
export interface Stdio extends Disposable {
  /** For descriptors 0, 1 and 2 of the program. */
  readonly theirs: readonly [number | 'ignore', number, number];
  /** Who takes them closes them. */
  take(): Ends;
}

/**
 * Pipes, and not what Node makes for `'pipe'`: those are sockets, and a script that writes to /dev/stderr cannot open
 * a socket (ENXIO).
 * @param stdin as `ProgramSpec` has it
 * @throws SyscallError EMFILE, ENFILE
 */
export function openStdio(stdin: number | Chunks | undefined): Stdio {
  using undo = new DisposableStack();
  const theirs = undo.use(new DisposableStack());
  const ours = undo.use(new DisposableStack());
  const readable = (): [ours: number, theirs: number] => {
    const [from, to] = pipe();
    return [ours.adopt(from, close), theirs.adopt(to, close)];
  };
  const [stdout, itsStdout] = readable();
  const [stderr, itsStderr] = readable();
  let ends: Ends = { stdin: undefined, stdout, stderr };
  let itsStdin: number | 'ignore' = 'ignore';
  if (typeof stdin === 'number') itsStdin = stdin;
  else if (stdin !== undefined) {
    const [from, to] = pipe();
    itsStdin = theirs.adopt(from, close);
    ends = { ...ends, stdin: ours.adopt(to, close) };
  }
  const all = undo.move();
  return {
    theirs: [itsStdin, itsStdout, itsStderr],
    take() {
      ours.move();
      return ends;
    },
    [Symbol.dispose]: () => all.dispose(),
  };
}
