import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RenameShapes } from '@emplace/fsprobe';

const script = fileURLToPath(new URL('./caller-script.ts', import.meta.url));
const MARK = 'EMPLACE_TEST_CALLER';

export type Form = 'async' | 'sync';

export interface CallerOptions {
  readonly timeoutMs?: number;
  /** What comes before Node on the command line. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that probes, and whatever it starts. */
export interface Caller {
  readonly process: ChildProcess;
  /** Rejects when it does not end with 0, with what it wrote to stderr. */
  readonly report: Promise<RenameShapes>;
  /** Which of its processes there are: itself, its children, theirs, and those that it gave up. */
  running(): number[];
  /** Resolves when there are none. */
  gone(): Promise<void>;
}

/** Probes in a process of its own: a mistake must not take the process of the tests with it. */
export function callProbe(form: Form, dir: string, options: CallerOptions = {}): Caller {
  const mark = `${MARK}=${randomUUID()}`;
  const node = [process.execPath, '--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', script];
  const [command = '', ...args] = [...(options.wrapper ?? []), ...node, form, dir, String(options.timeoutMs ?? 20_000)];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...options.env, [MARK]: mark.slice(MARK.length + 1) },
  });
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  const report = once(child, 'close').then(([status, signal]) => {
    if (status === 0) return JSON.parse(stdout()) as RenameShapes;
    throw new Error(`ended with ${signal ?? status}: ${stderr()}`);
  });
  // It is awaited only where it matters.
  report.catch(() => {});
  const running = (): number[] => processesWith(mark);
  return {
    process: child,
    report,
    running,
    async gone() {
      // They are nobody's children any more, so nothing tells.
      while (running().length > 0) await after(10);
    },
  };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Those that have it in their environment; zombies have none. */
function processesWith(assignment: string): number[] {
  const has = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(assignment);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && has(name))
    .map(Number);
}
