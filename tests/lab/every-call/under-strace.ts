/** A program with all its processes under strace: calls are counted, or one of them fails below all of our own code. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundle = fileURLToPath(new URL('../../../packages/cli/dist/main.cjs', import.meta.url));

/**
 * Calls that the engine makes and Node itself does not, or hardly, and what each can give beside the errnos that the port is
 * given elsewhere. EINTR of a call that was not done: it is made again.
 */
export const TRACED: Readonly<Record<string, readonly string[]>> = {
  openat2: ['EMFILE', 'EINTR', 'ENOMEM'],
  renameat: ['EINTR', 'ENOSPC', 'EIO'],
  renameat2: ['EINTR', 'EPERM', 'EDQUOT'],
  linkat: ['EINTR', 'EMLINK', 'ENOSPC'],
  unlinkat: ['EINTR', 'EBUSY', 'EIO'],
  mkdirat: ['EINTR', 'ENOSPC'],
  symlinkat: ['EINTR', 'EDQUOT'],
  fchmod: ['EROFS', 'EIO'],
  fchown: ['EPERM', 'EIO'],
  utimensat: ['EROFS', 'EIO'],
  fsync: ['EINTR', 'EIO', 'ENOSPC'],
  syncfs: ['EIO', 'EINTR'],
  flock: ['EINTR', 'ENOLCK'],
  fstatfs: ['EINTR', 'EIO'],
  flistxattr: ['EIO'],
  fsetxattr: ['ENOSPC', 'EPERM'],
  ftruncate: ['EINTR', 'EIO'],
  socketpair: ['EMFILE', 'ENFILE'],
};

export interface Command {
  /** Program and arguments. */
  readonly line: readonly string[];
  /** For strace's own output. */
  readonly log: string;
}

/** How the command line is run, without the wrapper that looks for Node. */
export function emplaceLine(args: readonly string[]): string[] {
  return [process.execPath, '--disable-sigusr1', bundle, ...args, '--json', '--progress', 'json'];
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly traced: string;
  /** Processes of it that still run. */
  readonly left: readonly string[];
}

/** How often each call is made, in the thread that makes it most. */
export function countTraced(command: Command): Map<string, number> {
  const { traced } = run(command, [`trace=${Object.keys(TRACED).join(',')}`]);
  const byThread = new Map<string, number>();
  const most = new Map<string, number>();
  for (const line of traced.split('\n')) {
    // What was interrupted by another thread's line goes on as `<... call resumed>`.
    const [, key, call, first] = /^(\d+ +([a-z0-9]+))\((\d*)/.exec(line) ?? [];
    // The last that Node does is to sync its output, and if that fails, to abort.
    if (key === undefined || call === undefined || (call === 'fsync' && Number(first) <= 2)) continue;
    const times = (byThread.get(key) ?? 0) + 1;
    byThread.set(key, times);
    most.set(call, Math.max(most.get(call) ?? 0, times));
  }
  return most;
}

/** Fails the n-th call of that name, in each thread that comes so far. */
export function failTraced(command: Command, call: string, errno: string, n: number): Ended {
  return run(command, [`trace=${call}`, `inject=${call}:error=${errno}:when=${n}`]);
}

function run({ line, log }: Command, expressions: readonly string[]): Ended {
  const mark = `EMPLACE_LAB_MARK=${log}`;
  const strace = ['-f', '-qq', '--seccomp-bpf', '-o', log, ...expressions.flatMap((one) => ['-e', one])];
  const { status, stdout, stderr } = spawnSync('strace', [...strace, ...line], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, EMPLACE_LAB_MARK: log },
    timeout: 200_000,
    killSignal: 'SIGKILL',
  });
  return { status, stdout, stderr, traced: readFileSync(log, 'latin1'), left: marked(mark) };
}

/** Processes that have this in their environment. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark);
    } catch {
      // Gone, or of a kind that has none.
      return false;
    }
  });
}
