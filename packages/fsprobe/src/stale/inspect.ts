/** One process: what it holds, in as few calls as can be, and a closer look at whatever is not what it seems. */
import { ascii, type Bytes, isErrno, readlinkat, S_IFREG, SyscallError } from '@emplace/syscalls';
import { type MappedFile, visitMappedFiles } from '../processes/mapped-files.ts';
import { listNames } from '../processes/proc.ts';
import { type ProcessDirectory, type ProcessState, readState } from '../processes/process.ts';
import { attempt, type Identity, isUnread, sameFile } from '../processes/read.ts';
import { changedScript } from './changed-script.ts';
import { classify } from './classify.ts';
import { type Found, type Present, statFile } from './found.ts';
import { gather, type Held } from './gather.ts';
import { isDeleted, oddPath, pathsBefore } from './image-paths.ts';
import type { Finding, HeldAs } from './model.ts';
import type { View, Views } from './resolve.ts';
import { isInterpreter } from './scripts.ts';

/** What holds for the whole scan. */
export interface World {
  readonly views: Views;
  /** Seconds since 1970. */
  readonly booted: number;
  readonly now: number;
  readonly imageDirectories: readonly Bytes[];
  readonly descriptors: boolean;
}

/** A finding, and where its path begins, for that may be another root than the process has. */
export interface Located {
  readonly finding: Finding;
  readonly root: Bytes;
}

export interface Inspected {
  readonly view: View;
  readonly findings: readonly Located[];
  /** Whether all of it could be read. */
  readonly complete: boolean;
}

const [EXE, CWD, ROOT] = [ascii('exe'), ascii('cwd'), ascii('root')];

/** Of one process. Any user can map tens of thousands of removed files; a few such processes would be more than a report can hold. */
const FINDINGS_MAX = 4000;

/** A process that executes another program each time is not looked at for ever. */
const LOOKS_MAX = 4;

/**
 * @param exe what its program is
 * @throws SyscallError ESRCH, ENOENT when it ends meanwhile; EACCES, EPERM when it may not be read
 */
export function inspect(process: ProcessDirectory, exe: Present, world: World): Inspected {
  let program = exe;
  for (let look = 0; look < LOOKS_MAX; look++) {
    const seen = attempt(() => inspectOnce(process, program, world));
    if (!isUnread(seen) && seen.complete && seen.findings.length === 0) return seen;
    // The file of one program and the path of the next, of before and after execve(2), would be a replaced one.
    const now = statFile(process.fd, EXE);
    if (now === undefined) throw new SyscallError('ESRCH', 'statx', [EXE]);
    if (sameFile(now, program)) {
      if (!isUnread(seen)) return seen;
      throw new SyscallError(seen.unread, 'inspect');
    }
    program = now;
  }
  throw new SyscallError('EAGAIN', 'inspect');
}

function inspectOnce(process: ProcessDirectory, exe: Present, world: World): Inspected {
  const root = statFile(process.fd, ROOT);
  if (root === undefined) throw new SyscallError('ESRCH', 'statx', [ROOT]);
  const view = world.views.viewOf(process, root);
  const subject = openSubject(process, view, world);
  const shown = shownBy(process, EXE);
  // A path that is longer than a link can tell stands in maps.
  if (shown !== undefined) subject.look('exe', shown, exe, true);
  visitMappedFiles(process, 'code', (mapped) => lookAtMapped(subject, mapped, exe, shown));
  lookAtDirectories(subject, root);
  if (world.descriptors) lookAtData(subject);
  const program = shown?.slice(shown.lastIndexOf('/') + 1).replace(/ \(deleted\)$/, '') ?? '';
  if (isInterpreter(program)) lookAtScript(subject, program);
  return { view, findings: subject.findings, complete: subject.isComplete() };
}

interface Subject {
  readonly process: ProcessDirectory;
  readonly view: View;
  readonly world: World;
  readonly findings: Located[];
  started(): number | undefined;
  isComplete(): boolean;
  /** Looks whether a file is current, and if that is not plain, closer. */
  look(held: HeldAs, shown: Bytes, file: Present, exact: boolean): void;
  isPlain(shown: Bytes, file: Identity): boolean;
  /** No more is looked at. */
  isFull(): boolean;
  add(finding: Finding | undefined): void;
  fail(): void;
}

function openSubject(process: ProcessDirectory, view: View, world: World): Subject {
  const findings: Located[] = [];
  const seen = new Set<string>();
  let complete = true;
  let state: ProcessState | undefined;
  const stateOf = (): ProcessState | undefined => {
    if (state !== undefined) return state;
    const read = readState(process.fd);
    if (!isUnread(read)) state = read;
    return state;
  };
  const started = (): number | undefined => {
    const after = stateOf()?.startedAfterBoot;
    return after === undefined ? undefined : world.booted + after;
  };
  const isPlain = (shown: Bytes, file: Identity): boolean => {
    // Not asked: a server that is gone would not answer. What the text says of itself is looked into all the same.
    if (world.views.mounts.isServed(file.dev)) return !isDeleted(shown) && isOrdinary(shown, world);
    const known = view.findOnce(shown);
    if (typeof known === 'string' || !sameFile(known, file)) return false;
    return isQuiet(known, world, started) && isOrdinary(shown, world) && !view.mounts().isPinned(known.mountId);
  };
  const examine = (one: Held): void => {
    const evidence = gather(one, process, view, world, stateOf);
    const verdict = classify(evidence);
    if (verdict === 'unknown') complete = false;
    if (verdict === undefined || verdict === 'unknown') return;
    const { present, ...rest } = verdict;
    const { dev, ino } = one.file;
    const presentFile = present === undefined ? {} : { presentFile: { dev: present.dev, ino: present.ino } };
    const { held, shown } = one;
    const finding = { ...rest, held, shown, heldFile: { dev, ino }, ...presentFile, owners: [] };
    findings.push({ finding, root: evidence.root });
  };
  return {
    process,
    view,
    world,
    findings,
    started,
    isComplete: () => complete,
    isPlain,
    isFull: () => findings.length >= FINDINGS_MAX,
    look(held, shown, file, exact) {
      if (exact && isPlain(shown, file)) return;
      const key = `${held} ${file.dev} ${file.ino} ${shown}`;
      if (seen.has(key)) return;
      seen.add(key);
      examine({ held, shown, file, exact });
    },
    add: (finding) => void (finding && findings.push({ finding, root: view.root })),
    fail: () => {
      complete = false;
    },
  };
}

/** Its name is one that files have which are installed. */
function isOrdinary(shown: Bytes, { imageDirectories }: World): boolean {
  return oddPath(shown, imageDirectories) === undefined && pathsBefore(shown).length === 0;
}

/** Nothing was done to it while the process ran. */
function isQuiet({ nlink, ctime }: Present, { booted }: World, started: () => number | undefined): boolean {
  return nlink > 0 && (ctime <= booted || ctime <= (started() ?? 0));
}

/** @param exeShown undefined when it is only told by maps, so that its mapping is looked at in its stead */
function lookAtMapped(subject: Subject, mapped: MappedFile, exe: Present, exeShown: Bytes | undefined): void {
  if (subject.isFull()) {
    subject.fail();
    return;
  }
  const { shown, counted } = mapped;
  const { view, world, process } = subject;
  const countsAlike = world.views.mounts.countsAlike(counted.dev);
  if (countsAlike && sameFile(counted, exe) && exeShown !== undefined) return;
  if (countsAlike && subject.isPlain(shown, counted)) return;
  const file = attempt(() => statFile(process.fd, mapped.link()));
  if (isUnread(file)) {
    // Without privilege a program on btrfs or overlay is told from a library by its name alone.
    if (isGone(file) || shown === exeShown) return;
    subject.look('library', shown, guess(counted, view.findOnce(shown)), countsAlike);
    return;
  }
  // It was unmapped just now; and what is the program is looked at once.
  if (file === undefined) return;
  if (!sameFile(file, exe)) subject.look('library', shown, file, true);
  else if (exeShown === undefined) subject.look('exe', shown, file, true);
}

/** What can be known of a file through maps alone. */
function guess(counted: Identity, found: Found): Present {
  if (typeof found === 'object' && found.ino === counted.ino) return { ...found, ...counted };
  return { ...counted, nlink: 1, mode: S_IFREG, mountId: undefined, mtime: 0, ctime: 0, btime: undefined };
}

function lookAtDirectories(subject: Subject, root: Present): void {
  const { process, view } = subject;
  const cwd = shownBy(process, CWD);
  if (cwd !== undefined && isDeleted(cwd)) {
    const file = statFile(process.fd, CWD);
    if (file !== undefined) subject.look('cwd', cwd, file, true);
  }
  if (view.place === 'host') return;
  const top = shownBy(process, ROOT);
  if (top !== undefined && isDeleted(top)) subject.look('root', top, root, true);
}

function lookAtScript(subject: Subject, program: string): void {
  const found = changedScript(subject.process, program, subject.view, subject.started(), subject.world.now);
  if (found === 'unknown') subject.fail();
  else subject.add(found);
}

/** What is open, and what is mapped but not to be executed. */
function lookAtData(subject: Subject): void {
  const { process } = subject;
  const known = new Set(subject.findings.map(({ finding: { heldFile } }) => `${heldFile?.dev} ${heldFile?.ino}`));
  const lookAt = (held: HeldAs, link: Bytes): void => {
    if (subject.isFull()) {
      subject.fail();
      return;
    }
    const shown = attempt(() => shownBy(process, link));
    const file = attempt(() => statFile(process.fd, link));
    if (isUnread(file) || isUnread(shown)) {
      if (!isGone(file) && !isGone(shown)) subject.fail();
      return;
    }
    if (file === undefined || shown === undefined || !shown.startsWith('/')) return;
    // A library's data are mapped beside its code.
    if (!known.has(`${file.dev} ${file.ino}`)) subject.look(held, shown, file, true);
  };
  const names = attempt(() => listNames(process.fd, ascii('fd')));
  if (isUnread(names)) subject.fail();
  else for (const name of names) lookAt('descriptor', `fd/${name}` as Bytes);
  visitMappedFiles(process, 'all', (mapped) => lookAt('mapping', mapped.link()));
}

function isGone(value: unknown): boolean {
  return isUnread(value) && (value.unread === 'ENOENT' || value.unread === 'ESRCH');
}

/** @returns undefined for a path that is longer than PATH_MAX */
function shownBy({ fd }: ProcessDirectory, link: Bytes): Bytes | undefined {
  try {
    return readlinkat(fd, link);
  } catch (error) {
    if (isErrno(error, 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}
