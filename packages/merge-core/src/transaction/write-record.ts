import type { FsPort } from '@emplace/fsprobe';
import type { Bytes } from '@emplace/syscalls';
import type { PlannedRecord } from '../plan/model.ts';
import type { Steps } from '../steps.ts';
import type { Name } from '../strategy/strategy.ts';
import { removeTree } from './remove-tree.ts';

/** Of the files in a directory that the ledger brings: the database is read by all. */
const FILE_MODE = 0o644;

/** Makes what the ledger brings under its staged name. What an earlier program left under a name that both know goes first. */
export function* writeRecord({ mode, content, files }: PlannedRecord, staged: Name, fs: FsPort): Steps<void> {
  removeTree(staged, fs);
  if (files === undefined) {
    if (content === undefined) throw new Error('bug: a record without content');
    writeFile(staged, mode, content(), fs);
    return;
  }
  fs.mkdir(staged.dir, staged.name, 0o700);
  const dir = fs.openDir(staged.dir, staged.name);
  try {
    for (const [name, bytes] of files()) {
      writeFile({ dir, name }, FILE_MODE, bytes, fs);
      yield 'stoppable';
    }
    const pinned = fs.pin(dir, '' as Bytes);
    try {
      fs.chmod(pinned, mode);
    } finally {
      fs.closeFile(pinned);
    }
  } finally {
    fs.closeDir(dir);
  }
}

function writeFile({ dir, name }: Name, mode: number, content: Buffer, fs: FsPort): void {
  const file = fs.createFile(dir, name, 0o600);
  try {
    fs.write(file, content);
    fs.chmod(file, mode);
  } finally {
    fs.closeFile(file);
  }
}
