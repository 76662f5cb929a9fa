import { uptime } from 'node:os';
import { ascii, isErrno, toBytes } from '@emplace/syscalls';
import { listPids, openProc, type Proc } from '../processes/proc.ts';
import { openLeader, openProcess, type ProcessDirectory, readState } from '../processes/process.ts';
import { attempt, isUnread, readWhole } from '../processes/read.ts';
import { readArguments } from './arguments.ts';
import { statFile } from './found.ts';
import { type Inspected, inspect, type World } from './inspect.ts';
import type { Finding, ScanOptions, ScanReport } from './model.ts';
import { nameOwners, type Unowned } from './name-owners.ts';
import { ownerFinders } from './owners/finders.ts';
import { openViews } from './resolve.ts';
import { type Host, readHost } from './service/host.ts';
import { serviceOf } from './service/service-of.ts';

const EXE = ascii('exe');

type Outcome = Unowned | 'clean' | 'gone' | 'kernel' | 'skipped';

/**
 * Which processes hold files that are not what lies at their paths now: one pass over /proc, nothing is run. Whose files
 * they are, and what to start anew.
 *
 * Not guaranteed: that all is of one moment. What starts meanwhile may be missed, what ends is counted as gone. Not
 * found: a file that was moved aside under a name of no known kind, unless it is the program itself and lies beside what
 * took its place; what was replaced on a file system that somebody serves (NFS, FUSE), which is not asked; modules that an interpreter has read.
 * Not guaranteed either: that it returns where a process made reading about it hang (its arguments can lie on a file
 * system of its own), a symlink leads to a script on a server that never answers, or a container mounts a file system that never answers over a path of its programs.
 * @throws ProcUnavailableError; SyscallError when even our own process cannot be read
 */
export function scan(options: ScanOptions = {}): ScanReport {
  const began = performance.now();
  const now = Date.now() / 1000;
  using proc = openProc();
  using itself = openLeader(proc, process.pid);
  using views = openViews(itself);
  const world: World = {
    views,
    now,
    booted: now - uptime(),
    imageDirectories: (options.imageDirectories ?? []).map(toBytes),
    descriptors: options.descriptors ?? false,
  };
  const host = lazily(readHost);
  const counts = { processes: 0, unread: 0, gone: 0, kernelThreads: 0 };
  const found: Unowned[] = [];
  for (const pid of new Set(options.pids ?? listPids(proc))) {
    const outcome = scanProcess(proc, pid, world, options, host, () => void counts.unread++);
    if (outcome === 'gone') counts.gone++;
    else if (outcome === 'kernel') counts.kernelThreads++;
    else if (outcome !== 'skipped') counts.processes++;
    if (typeof outcome === 'object') found.push(outcome);
  }
  const { owned, unreadDatabases } = nameOwners(found, options.owners ?? ownerFinders);
  return {
    processes: owned.sort((a, b) => a.pid - b.pid),
    counts: { ...counts, hidden: proc.hidesProcesses, unreadDatabases },
    booted: world.booted,
    scanned: now,
    durationMs: performance.now() - began,
  };
}

function scanProcess(
  proc: Proc,
  pid: number,
  world: World,
  options: ScanOptions,
  host: () => Host,
  unread: () => void,
): Outcome {
  try {
    using leader = openLeader(proc, pid);
    if (options.users !== undefined && !options.users.includes(uidOf(leader))) return 'skipped';
    const exe = statFile(leader.fd, EXE);
    if (exe !== undefined) return report(leader, inspect(leader, exe, world), options, world, host, unread);
    // A kernel thread, a zombie, a process whose first thread has ended: only the last has something to show.
    using process = openProcess(proc, pid);
    const state = readState(process.fd);
    if (isUnread(state)) return 'gone';
    if (state.kernelThread) return 'kernel';
    const program = statFile(process.fd, EXE);
    if (program === undefined) return 'clean';
    return report(process, inspect(process, program, world), options, world, host, unread);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return 'gone';
    if (!isErrno(error)) throw error;
    unread();
    return 'clean';
  }
}

function report(
  process: ProcessDirectory,
  { view, findings, complete }: Inspected,
  options: ScanOptions,
  world: World,
  host: () => Host,
  unread: () => void,
): Outcome {
  if (!complete) unread();
  const wanted = findings.filter(({ finding }) => isWanted(finding, options));
  if (wanted.length === 0) return 'clean';
  const state = readState(process.fd);
  if (isUnread(state)) return 'gone';
  const { pid } = process;
  const { command, parent } = state;
  const text = attempt(() => readWhole(process.fd, ascii('cgroup')));
  const cgroup = isUnread(text) || text === '' ? undefined : text;
  return {
    pid,
    uid: uidOf(process),
    command,
    arguments: readArguments(process),
    started: world.booted + state.startedAfterBoot,
    cgroup,
    service: serviceOf({ pid, parent, command, cgroup }, host()),
    place: view.place,
    root: view.root,
    findings: wanted,
  };
}

function isWanted(finding: Finding, { classes, benign = false }: ScanOptions): boolean {
  if (classes !== undefined) return classes.includes(finding.class);
  return benign || finding.class !== 'benign';
}

/** Effective: whose rights it has. */
function uidOf({ fd }: ProcessDirectory): number {
  return Number(/^Uid:\t\d+\t(\d+)/m.exec(readWhole(fd, ascii('status')))?.[1]);
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
