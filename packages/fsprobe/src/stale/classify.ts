/**
 * What is wrong with a held file, from what is known of it: pure. Which inode lies where decides; the text that /proc
 * shows is only evidence, for a live file may be named `x (deleted)`, and an exchanged one shows a path that is alive.
 */
import { type Bytes, S_IFDIR, S_IFMT, S_IFREG } from '@emplace/syscalls';
import { type Identity, sameFile } from '../processes/read.ts';
import type { Found, Present } from './found.ts';
import { isDeleted, isSillyName, type OddPath } from './image-paths.ts';
import type { Confidence, HeldAs, StaleClass } from './model.ts';
import { isTemporary, isUnpackedLibrary, startsItselfFromMemory } from './objects.ts';

/** Another file that may have taken the place of the one that is held. */
export interface Successor {
  readonly path: Bytes;
  readonly file: Present;
  /** What made us look there. */
  readonly because: string;
}

/** A path that no installed file has, and what its destination is now. */
interface Odd extends OddPath {
  readonly found: Found;
}

export interface Evidence {
  readonly held: HeldAs;
  readonly shown: Bytes;
  /** The path that is meant, as seen from `root`: that of the process, or ours. */
  readonly path: Bytes;
  readonly root: Bytes;
  readonly file: Present;
  /** False where only maps tells what the file is, on a file system where that is not what stat says. */
  readonly exact: boolean;
  /** Where it is: `memory` is the kernel's own, `unreachable` a mount that the process does not see. */
  readonly lies: 'mounted' | 'memory' | 'unreachable';
  /** It is shown by a mount whose source has lost its name. */
  readonly pinned: boolean;
  /** What the text leads to as it is, and without its ` (deleted)`. */
  readonly literal: Found;
  readonly stripped: Found;
  readonly odd: Odd | undefined;
  readonly successors: readonly Successor[];
  /** Seconds since 1970; undefined when it could not be read. */
  readonly started: number | undefined;
  readonly now: number;
}

export interface Verdict {
  readonly class: StaleClass;
  readonly confidence: Confidence;
  readonly path: Bytes | undefined;
  readonly evidence: readonly string[];
  readonly leaks: boolean;
  readonly present: Identity | undefined;
}

/** Two ticks of a clock that runs at 100 Hz, for that is how exactly starts are known, and times of files are kept. */
const TICKS_S = 0.02;
/** The clock may have been set meanwhile, by a little. */
export const CLOCK_S = 1;

/** @returns `unknown` where nothing can be told, undefined where nothing is wrong */
export function classify(evidence: Evidence): Verdict | 'unknown' | undefined {
  const { held, shown, file, lies } = evidence;
  if (lies === 'memory') return held === 'exe' ? inMemory(shown) : benign(evidence, 'memory of the kernel, no file');
  if (lies === 'unreachable') return benign(evidence, 'on a mount that is not in its mount namespace (any more)');
  const type = file.mode & S_IFMT;
  if (type !== S_IFREG && type !== S_IFDIR) return benign(evidence, 'no regular file');
  return isAlive(evidence) ? classifyLive(evidence) : classifyDeleted(evidence);
}

/** Whether what is shown is the path as it is, and not one that the kernel calls deleted. */
export function isAlive({
  shown,
  file,
  exact,
  literal,
}: Pick<Evidence, 'shown' | 'file' | 'exact' | 'literal'>): boolean {
  return !isDeleted(shown) || isThere({ file, exact }, literal);
}

function classifyDeleted(evidence: Evidence): Verdict | 'unknown' | undefined {
  const { held, shown, path, file, stripped, odd, exact } = evidence;
  if (path.endsWith(`/#${file.ino}`)) {
    if (held === 'exe') return { ...inMemory(shown), evidence: ['it was made without a name (O_TMPFILE)'] };
    return benign(evidence, 'made without a name (O_TMPFILE)');
  }
  if (isThere(evidence, stripped)) {
    if (isPinned(evidence)) return pinned(evidence);
    return odd === undefined ? classifyCurrent(evidence) : namedOddly(evidence, odd);
  }
  if (stripped === 'unknown') return file.nlink === 0 && exact ? nameless(evidence) : 'unknown';
  if (held === 'cwd' || held === 'root') return deletedDirectory(evidence);
  if (odd !== undefined && !isAnybodys(odd, stripped)) return namedOddly(evidence, odd);
  return stripped === 'absent' ? removed(evidence) : replaced(evidence, stripped);
}

/** `~/mine/pkg/app/bin/it` that is built anew where it lies, and installed nowhere, is in a directory that only looks like an image. */
function isAnybodys({ kind, certain, found }: Odd, stripped: Found): boolean {
  return kind === 'image' && !certain && typeof stripped === 'object' && found === 'absent';
}

function classifyLive(evidence: Evidence): Verdict | 'unknown' | undefined {
  const { held, shown, file, literal, odd, exact } = evidence;
  if (held === 'cwd' || held === 'root') return undefined;
  if (isSillyName(shown)) {
    const words = ['renamed by the file system when it was removed'];
    return { ...verdict(evidence, 'deleted', 'medium', words), path: undefined };
  }
  if (isThere(evidence, literal)) {
    if (isPinned(evidence)) return pinned(evidence);
    return (odd && exchanged(evidence, odd)) ?? movedAside(evidence) ?? classifyCurrent(evidence);
  }
  if (literal === 'unknown' || !exact) return 'unknown';
  // The kernel does not know of it: replaced on a server, or below a FUSE file system.
  if (literal !== 'absent' && literal.mountId === file.mountId)
    return { ...replaced(evidence, literal), confidence: 'medium' };
  return file.nlink === 0 ? removed(evidence) : benign(evidence, 'something is mounted over it');
}

/** It is the file of its path: only what is in it can have changed. */
function classifyCurrent(evidence: Evidence): Verdict | undefined {
  const { held, file, started, now, exact } = evidence;
  if (started === undefined || !exact || (held !== 'exe' && held !== 'library')) return undefined;
  const isLater = file.mtime > started + CLOCK_S && file.mtime < now + CLOCK_S && file.ctime > started;
  // What is younger than the process was loaded by it after that was written, as far as anybody can tell.
  const wasThere = file.btime === undefined || file.btime < started + TICKS_S;
  if (!isLater || !wasThere) return undefined;
  const words = ['same file, but written to after the process started'];
  return verdict(evidence, 'modified-in-place', file.btime === undefined ? 'low' : 'medium', words, file);
}

/** A path of an image or a staged name, that no file has any more. */
function namedOddly(evidence: Evidence, odd: Odd): Verdict {
  const { destination, found, certain } = odd;
  if (isThere(evidence, found)) {
    return leak(evidence, odd, 'low', 'but what is installed is this very file: only its name is wrong', evidence.file);
  }
  if (typeof found === 'object') {
    return leak(evidence, odd, certain ? 'high' : 'medium', 'another file is installed', found);
  }
  return leak(evidence, odd, 'medium', destination ? 'nothing is installed there now' : 'its place is not known');
}

/** An image's path, alive: it came there when it was exchanged, or the process was started there and nothing is wrong. */
function exchanged(evidence: Evidence, odd: Odd): Verdict | undefined {
  const { file, started } = evidence;
  const { found, certain } = odd;
  if (isThere(evidence, found) || started === undefined || !isSince(started, file)) return undefined;
  const words = 'it came there after the process started';
  // Into another root than ours, perhaps.
  if (typeof found === 'string') return leak(evidence, odd, 'low', words);
  return leak(evidence, odd, certain ? 'high' : 'medium', `${words}, and another file is installed`, found);
}

function leak(evidence: Evidence, odd: Odd, confidence: Confidence, words: string, present?: Identity): Verdict {
  const { kind, by, destination } = odd;
  const name = kind === 'staged' ? `a name that ${by} uses until it is done` : `below the ${kind} directory of ${by}`;
  const of = kind === 'staged' ? 'staged-name' : 'image-path';
  const found = verdict(evidence, of, confidence, [name, words], present);
  return { ...found, path: destination ?? evidence.path, leaks: true };
}

function movedAside(evidence: Evidence): Verdict | undefined {
  const { held, started, file, successors } = evidence;
  if (started === undefined || (held !== 'exe' && held !== 'library')) return undefined;
  const successor = successors.find(
    (one) => !isThere(evidence, one.file) && (one.file.mode & S_IFMT) === S_IFREG && isSince(started, file, one.file),
  );
  if (successor === undefined) return undefined;
  const words = ['it lives on under another name', successor.because];
  return { ...verdict(evidence, 'moved-aside', 'medium', words, successor.file), path: successor.path };
}

/** Either was moved, linked or made after the process started: by this alone two programs of like names differ from a moved one. */
export function isSince(started: number, ...files: readonly Present[]): boolean {
  return files.some(({ ctime }) => ctime > started + TICKS_S);
}

function replaced(evidence: Evidence, present: Present): Verdict {
  const { held, file, exact } = evidence;
  const of = held === 'exe' ? 'replaced-executable' : held === 'library' ? 'replaced-library' : 'replaced-descriptor';
  const alive = file.nlink > 0 ? ['the old one may still have another name'] : [];
  const words = ['another file lies at its path', ...alive];
  return verdict(evidence, of, exact ? 'high' : 'medium', words, present);
}

function removed(evidence: Evidence): Verdict {
  const { held, path } = evidence;
  const words = ['nothing lies at its path'];
  if (held === 'library' && isUnpackedLibrary(path)) return benign(evidence, 'unpacked by a run-time for itself alone');
  if (held === 'exe') return verdict(evidence, 'deleted', 'high', words);
  if (held === 'library') return verdict(evidence, 'deleted', isTemporary(path) ? 'medium' : 'high', words);
  if (isTemporary(path)) return benign(evidence, 'a temporary file');
  return verdict(evidence, 'deleted', 'low', words);
}

/** It has lost its last name; whether another file got it cannot be seen. */
function nameless(evidence: Evidence): Verdict {
  const of = evidence.held === 'cwd' || evidence.held === 'root' ? 'deleted-directory' : 'deleted';
  return verdict(evidence, of, 'medium', ['it has no name any more, and what lies at its path cannot be looked at']);
}

function deletedDirectory(evidence: Evidence): Verdict {
  const present = typeof evidence.stripped === 'object' ? evidence.stripped : undefined;
  const words = [present ? 'another directory lies at its path' : 'nothing lies at its path'];
  return { ...verdict(evidence, 'deleted-directory', 'high', words, present), leaks: evidence.odd !== undefined };
}

function pinned(evidence: Evidence): Verdict {
  const words = ['the file that is mounted there has lost its name: mount it again, a restart does not help'];
  return verdict(evidence, 'pinned-by-mount', 'high', words, evidence.file);
}

function inMemory(shown: Bytes): Verdict {
  const known = startsItselfFromMemory(shown);
  return {
    class: 'fileless',
    confidence: known ? 'low' : 'high',
    path: undefined,
    evidence: [known ? 'container run-times start themselves from memory' : 'the program is in memory alone'],
    leaks: false,
    present: undefined,
  };
}

function benign(evidence: Evidence, why: string): Verdict {
  return { ...verdict(evidence, 'benign', 'high', [why]), path: undefined };
}

function verdict(
  { path, exact }: Evidence,
  of: StaleClass,
  confidence: Confidence,
  words: readonly string[],
  present?: Identity,
): Verdict {
  const inexact = exact ? [] : ['told by the text of maps: without privilege there is no more'];
  return { class: of, confidence, path, evidence: [...words, ...inexact], leaks: false, present };
}

/** On file systems that count otherwise in maps, only the inode numbers can be compared. */
function isThere({ file, exact }: Pick<Evidence, 'file' | 'exact'>, found: Found): boolean {
  if (typeof found === 'string') return false;
  return exact ? sameFile(file, found) : file.ino === found.ino;
}

/** No name leads to it, and yet its path does: by a mount. */
function isPinned({ file, exact, pinned: byMount }: Evidence): boolean {
  return exact && (file.nlink === 0 || byMount);
}
