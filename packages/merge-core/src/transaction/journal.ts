import { crc32 } from 'node:zlib';
import type { DirHandle, FileHandle, FsPort } from '@emplace/fsprobe';
import { ascii, type Bytes, isErrno } from '@emplace/syscalls';
import { explain } from '../errors.ts';
import { closeUnwritten } from '../fs/close-unwritten.ts';
import { readWhole } from '../fs/whole-file.ts';
import type { Plan } from '../plan/model.ts';
import { encode, planSeal, sealed } from './journal-lines.ts';
import { parseJournal } from './parse-journal.ts';
import type { JournalRecord } from './records.ts';

const JOURNAL: Bytes = ascii('journal');
const DRAFT: Bytes = ascii('journal.new');

/** Written in pieces of about this many characters: few calls, little memory. */
const PIECE = 1 << 20;

/**
 * The journal of one transaction, open for its next record. docs/JOURNAL.md numbers what it promises.
 * Not guaranteed with `durable` off: anything after a power cut.
 */
export class Journal implements Disposable {
  readonly #fs: FsPort;
  readonly #state: DirHandle;
  readonly #open: () => FileHandle;
  #file: FileHandle | undefined;
  /** Of its whole records, bytes. */
  #length: number;
  readonly #durable: boolean;

  private constructor(fs: FsPort, state: DirHandle, open: () => FileHandle, length: number, durable: boolean) {
    this.#fs = fs;
    this.#state = state;
    this.#open = open;
    this.#length = length;
    this.#durable = durable;
  }

  /** Writes the plan whole under another name first: a journal that can be seen is a journal that can be read (J1). */
  static begin(plan: Plan, state: DirHandle, root: DirHandle, durable: boolean, fs: FsPort): Journal {
    const file = newDraft(state, fs);
    let length: number;
    try {
      length = writePlan(file, plan, fs);
      if (durable) fs.fsync(file);
      fs.rename(state, DRAFT, state, JOURNAL);
      if (durable) {
        fs.fsyncDir(state);
        // The state directory was made a moment ago: its own name must last as long as what it tells of.
        fs.fsyncDir(root);
      }
    } catch (error) {
      fs.closeFile(file);
      // Nothing is staged yet: a plan that could not be made durable tells of nothing.
      for (const name of [DRAFT, JOURNAL]) removeIfThere(state, name, fs);
      throw unwritten(error);
    }
    const journal = new Journal(fs, state, () => file, length, durable);
    journal.#file = file;
    return journal;
  }

  /** An existing journal. Only its next record, if there is one, needs room on the disk. */
  static reopen(content: Buffer, state: DirHandle, durable: boolean, fs: FsPort): Journal {
    return new Journal(fs, state, () => rewrite(content, state, durable, fs), content.byteLength, durable);
  }

  append(record: JournalRecord): void {
    this.#file ??= this.#open();
    let end = this.#length;
    // One that could not be written whole is written over by the next: on the same line neither could be read.
    for (const piece of sealed(record)) {
      this.#fs.write(this.#file, piece, end);
      end += piece.byteLength;
    }
    if (this.#durable) this.#fs.fsync(this.#file);
    this.#length = end;
  }

  /** The transaction is over. */
  remove(): void {
    removeIfThere(this.#state, JOURNAL, this.#fs);
  }

  [Symbol.dispose](): void {
    // Each record was synced when it was written, if it was to be; and what became of the merge is decided by now.
    if (this.#file !== undefined) closeUnwritten(this.#file, this.#fs);
  }
}

function newDraft(state: DirHandle, fs: FsPort): FileHandle {
  try {
    removeIfThere(state, DRAFT, fs);
    return fs.createFile(state, DRAFT, 0o600);
  } catch (error) {
    throw unwritten(error);
  }
}

function unwritten(error: unknown): unknown {
  return explain(error, 'NO_SPACE', 'cannot write the journal');
}

/** Writes a journal anew without its torn end, under another name first (J1). */
function rewrite(content: Buffer, state: DirHandle, durable: boolean, fs: FsPort): FileHandle {
  removeIfThere(state, DRAFT, fs);
  const file = fs.createFile(state, DRAFT, 0o600);
  try {
    fs.write(file, content);
    if (durable) fs.fsync(file);
    fs.rename(state, DRAFT, state, JOURNAL);
    if (durable) fs.fsyncDir(state);
    return file;
  } catch (error) {
    fs.closeFile(file);
    throw error;
  }
}

/** @returns bytes */
function writePlan(file: FileHandle, plan: Plan, fs: FsPort): number {
  let crc = 0;
  let length = 0;
  let piece = '';
  const write = (bytes: Buffer): void => {
    fs.write(file, bytes);
    length += bytes.byteLength;
  };
  const flush = (): void => {
    const bytes = Buffer.from(piece, 'latin1');
    crc = crc32(bytes, crc);
    write(bytes);
    piece = '';
  };
  for (const record of planRecords(plan)) {
    piece += `${encode(record)}\n`;
    if (piece.length >= PIECE) flush();
  }
  flush();
  write(planSeal(crc));
  return length;
}

function* planRecords(plan: Plan): Generator<JournalRecord> {
  const { transaction, image, keepImage, lossy, exclude } = plan;
  yield { type: 'begin', version: 2, transaction, image, keepImage, lossy, exclude };
  for (const path of plan.locks) yield { type: 'lock', path };
  for (const { image, target } of plan.sites) yield { type: 'site', image, target };
  for (const directory of plan.directories) yield { type: 'directory', directory };
  for (const placement of plan.placements) yield { type: 'placement', placement };
  for (const identical of plan.identical) yield { type: 'identical', identical };
  for (const path of plan.masked) yield { type: 'masked', path };
  for (const removal of plan.removals) yield { type: 'removal', removal };
}

/** The journal that an earlier merge left, without a torn end, or undefined. @throws MergeError JOURNAL_UNREADABLE */
export function readJournal(state: DirHandle, fs: FsPort): { records: JournalRecord[]; content: Buffer } | undefined {
  try {
    const file = fs.openFile(state, JOURNAL);
    try {
      const content = readWhole(file, fs);
      const { records, length } = parseJournal(content);
      return { records, content: content.subarray(0, length) };
    } finally {
      fs.closeFile(file);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw explain(error, 'JOURNAL_UNREADABLE', 'the journal cannot be read');
  }
}

/** A plan that was never wholly written says nothing of the root. */
export function removeDraft(state: DirHandle, fs: FsPort): void {
  removeIfThere(state, DRAFT, fs);
}

function removeIfThere(state: DirHandle, name: Bytes, fs: FsPort): void {
  try {
    fs.unlink(state, name);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
