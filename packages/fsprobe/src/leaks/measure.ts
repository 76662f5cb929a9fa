import { ascii, type Bytes, fstatfs, ST_NOEXEC } from '@emplace/syscalls';
import type { DirHandle, FsPort } from '../fs/port.ts';
import { settle } from '../leases/settle.ts';
import type { Proc } from '../processes/proc.ts';
import { openProcess } from '../processes/process.ts';
import { sameFile } from '../processes/read.ts';
import { codeOf } from './failure.ts';
import { findRanges, type Old, observe, type View } from './observe.ts';
import { makePrivateTree, type PrivateTree } from './private-tree.ts';
import { type Program, startCopy } from './program.ts';
import { type NotMeasured, notMeasured, type Step, type Subject } from './report.ts';
import type { Sample } from './sample.ts';
import { isBearable, type Views } from './verdict.ts';
import { FILES, type Way } from './ways.ts';

/** What all measurements of one probe share. */
export interface Ground {
  readonly fs: FsPort;
  readonly proc: Proc;
  readonly sample: Sample;
  /** Where roots are made. */
  readonly target: DirHandle;
}

/** Somebody who forked in the wrong moment has the program open for writing until he execs. */
const SETTLE_MS = 2_000;

const subjects = Object.keys(FILES) as readonly Subject[];

/** Has one way replace what a running program holds: what /proc showed then, or why that could not be seen. */
export async function measure(way: Way, imageParent: DirHandle, ground: Ground): Promise<Views | NotMeasured> {
  const { fs, proc, sample, target } = ground;
  let step: Step = 'prepare';
  try {
    using image = makePrivateTree(imageParent, ascii('image'), fs);
    using root = makePrivateTree(target, ascii('root'), fs);
    for (const subject of subjects) writeFile(image, subject, Buffer.from('new'), fs);
    for (const subject of subjects) writeFile(root, subject, contentOf(subject, sample), fs);
    const olds = subjects.map((subject) => oldFile(root, subject, fs));

    step = 'start';
    // What cannot be run cannot leak; execve would only say EACCES.
    if ((fstatfs(root.dir).flags & ST_NOEXEC) !== 0) return notMeasured(step, 'NOEXEC');
    await using program = await startFrom(root, ground);
    using process = openProcess(proc, program.pid);

    step = 'before';
    const ranges = findRanges(process, olds);
    const before = observe(process, olds, ranges);
    const unclear = unclearCode(before);
    if (unclear !== undefined) return notMeasured(step, unclear);

    step = 'way';
    way.replace(image.handlePath, root.handlePath);

    step = 'replaced';
    // Else a way that does nothing would be the cleanest.
    if (olds.some(({ subject, file }) => isThere(root, subject, file, fs))) return notMeasured(step, 'EEXIST');

    step = 'read';
    const replaced = observe(process, olds, ranges);
    image.remove();
    return { replaced, 'image-removed': observe(process, olds, ranges) };
  } catch (error) {
    return notMeasured(step, codeOf(error));
  }
}

function contentOf(subject: Subject, sample: Sample): Buffer {
  return (subject === 'data' ? undefined : sample[subject]) ?? Buffer.from('old');
}

async function startFrom(root: PrivateTree, { fs, sample }: Ground): Promise<Program> {
  // Its verdict is not asked: exec says it again, with ETXTBSY.
  await settle(`${root.handlePath}/${FILES.program}` as Bytes, SETTLE_MS);
  const data = fs.openFile(root.dir, FILES.data);
  try {
    const library = sample.library && FILES.library;
    return await startCopy({ dir: root.dir, program: FILES.program, library, data });
  } finally {
    fs.closeFile(data);
  }
}

/** Before anything is replaced every place has to show exactly the target's path, or it would tell nothing later. */
function unclearCode({ shown, unmeasured }: View): string | undefined {
  const unread = unmeasured.find((one) => !isBearable(one));
  if (unread !== undefined) return unread.code;
  return shown.every((one) => one.shown === one.expected) ? undefined : 'ODD_PATH';
}

function oldFile(root: PrivateTree, subject: Subject, fs: FsPort): Old {
  const file = fs.stat(root.dir, FILES[subject]);
  if (file === undefined) throw new Error('bug: a file that was just made is not there');
  return { subject, path: `${root.path()}/${FILES[subject]}` as Bytes, file: { dev: file.dev, ino: file.ino } };
}

function isThere({ dir }: PrivateTree, subject: Subject, old: Old['file'], fs: FsPort): boolean {
  const now = fs.stat(dir, FILES[subject]);
  return now === undefined || sameFile(now, old);
}

function writeFile({ dir }: PrivateTree, subject: Subject, content: Buffer, fs: FsPort): void {
  const file = fs.createFile(dir, FILES[subject], 0o700);
  try {
    fs.write(file, content);
  } finally {
    fs.closeFile(file);
  }
}
