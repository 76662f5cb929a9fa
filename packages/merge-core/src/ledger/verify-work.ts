import { type Bytes, isErrno, toBuffer } from '@emplace/syscalls';
import { MergeError, type Problem, quoted } from '../errors.ts';
import { join } from '../paths.ts';
import { type AskedDatabase, openAskedDatabase } from './asked-database.ts';
import { type ConfigProtect, readConfigProtect } from './config-protect.ts';
import { lineProblems } from './lines.ts';
import { showPackage } from './package-name.ts';
import { parseRecord, RECORD, type RecordedEntry } from './record.ts';
import { CONTENTS, type VdbDirectory } from './vdb.ts';
import { type Expected, expectations, type Finding, type VerifyCounts, verifyEntries } from './verify.ts';

/** What all of one verification has in common. Plain data: it goes to worker threads. */
export interface VerifyJob {
  /** Absolute. */
  readonly root: Bytes;
  /** Below it. */
  readonly vdb: Bytes;
  readonly quick: boolean;
  readonly configProtect: readonly Bytes[];
  readonly configProtectMask: readonly Bytes[];
}

/** A part of one package: of a large one several are looked at side by side. */
export interface VerifyUnit {
  readonly of: VdbDirectory;
  /** From 0. */
  readonly part: number;
  readonly parts: number;
}

export interface UnitResult {
  readonly findings: readonly Finding[];
  readonly counts: VerifyCounts;
  readonly problems: readonly Problem[];
}

export const NOTHING_LOOKED_AT: VerifyCounts = {
  entries: 0,
  changed: 0,
  configChanged: 0,
  unreadable: 0,
  bytesRead: 0,
};

interface Listed {
  readonly of: Bytes;
  readonly expected: readonly Expected[];
  readonly problems: readonly Problem[];
}

/** Verifies one unit after the other, with a root of its own. */
export class UnitVerifier implements Disposable {
  readonly #job: VerifyJob;
  readonly #database: AskedDatabase;
  readonly #protect: ConfigProtect;
  /** Its parts come one after the other. */
  #last: Listed | undefined;

  /** @throws MergeError as openAskedDatabase does */
  constructor(job: VerifyJob, fs?: AskedDatabase['fs']) {
    this.#job = job;
    const vdb = `${job.root}/${job.vdb}` as Bytes;
    this.#database = openAskedDatabase({ root: toBuffer(job.root), vdb: toBuffer(vdb), ...(fs && { fs }) });
    const { root } = this.#database.vdb;
    this.#protect = readConfigProtect(job.configProtect, job.configProtectMask, this.#database.fs, root);
  }

  verify({ of, part, parts }: VerifyUnit): UnitResult {
    if (this.#last?.of !== of.directory) this.#last = this.#list(of);
    const { expected, problems } = this.#last;
    const share = Math.ceil(expected.length / parts);
    const own = expected.slice(part * share, (part + 1) * share);
    const { vdb, fs } = this.#database;
    const isProtected = this.#protect.isProtected.bind(this.#protect);
    const run = verifyEntries(own, vdb.root, fs, { quick: this.#job.quick, isProtected });
    const findings: Finding[] = [];
    for (;;) {
      const step = run.next();
      if (step.done) return { findings, counts: step.value, problems: part === 0 ? problems : [] };
      findings.push(step.value);
    }
  }

  /** What should be there. What cannot be read of the database is a problem of this package, and no end of the others. */
  #list(of: VdbDirectory): Listed {
    const problems: Problem[] = [];
    const { vdb } = this.#database;
    const attempt = <T>(file: Bytes, otherwise: T, read: () => T): T => {
      try {
        return read();
      } catch (error) {
        problems.push(...problemsOf(error, join(of.directory, file)));
        return otherwise;
      }
    };
    const contents = attempt(CONTENTS, undefined, () => vdb.contents(of));
    problems.push(...lineProblems('CONTENTS_DAMAGED', join(of.directory, CONTENTS), contents?.problems ?? []));
    const recorded = attempt(RECORD, [] as readonly RecordedEntry[], () => {
      const content = vdb.file(of, RECORD);
      return content === undefined ? [] : parseRecord(content, join(of.directory, RECORD));
    });
    const expected = [...expectations(contents?.entries ?? [], recorded, showPackage(of.name))];
    return { of: of.directory, expected, problems };
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }
}

function problemsOf(error: unknown, path: Bytes): readonly Problem[] {
  if (error instanceof MergeError && error.problems.length > 0) return error.problems;
  if (error instanceof MergeError) return [{ code: error.code, path, message: error.message }];
  if (!isErrno(error)) throw error;
  return [{ code: 'VDB_DAMAGED', path, message: `${quoted(path)} cannot be read (${error.code})` }];
}
