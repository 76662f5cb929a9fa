import { type Bytes, toBytes } from '@emplace/syscalls';
import { readState } from './process.ts';
import { type Identity, isUnread } from './read.ts';
import { type How, type Sighting, scanHeld, type Unseen } from './scan.ts';

/** A process that holds a file. */
export interface Holder {
  readonly pid: number;
  /** Its name as it calls itself, hostile bytes; empty when it went before that was read. */
  readonly command: Bytes;
  /** The strongest that applies: what it runs it has mapped too. */
  readonly how: How;
  readonly file: Identity;
}

export interface Holders extends Unseen {
  readonly holders: readonly Holder[];
}

/**
 * Which processes run, map or have open one of these inodes, by identity: a file that was renamed, replaced or
 * hard-linked is found, another one of the same name is not. This process counts too.
 * @throws ProcUnavailableError
 */
export function holdersOf(identities: Iterable<Identity>): Holders {
  const wanted = new Map<bigint, Identity[]>();
  for (const { dev, ino } of identities) wanted.set(ino, [...(wanted.get(ino) ?? []), { dev, ino }]);
  const holders: Holder[] = [];
  let current: { readonly pid: number; readonly found: Set<Identity> } = { pid: 0, found: new Set() };
  const unseen = scanHeld((seen) => {
    const file = wanted.get(seen.file.ino)?.find(({ dev }) => dev === seen.file.dev);
    if (file === undefined) return;
    const { pid } = seen.process;
    if (current.pid !== pid) current = { pid, found: new Set() };
    // exe comes first, then what is mapped, then what is open.
    if (current.found.has(file)) return;
    current.found.add(file);
    holders.push({ pid, command: commandOf(seen), how: seen.how, file });
  });
  return { holders, ...unseen };
}

/** Processes that have the file open for writing, through a descriptor or a mapping. @throws ProcUnavailableError */
export function writeHoldersOf(file: Identity): Holders {
  const holders = new Map<number, Holder>();
  const unseen = scanHeld((seen) => {
    const { pid } = seen.process;
    if (seen.file.ino !== file.ino || seen.file.dev !== file.dev || seen.how === 'exe' || holders.has(pid)) return;
    const { how } = seen;
    if (seen.isWritten()) holders.set(pid, { pid, command: commandOf(seen), how, file });
  });
  return { holders: [...holders.values()], ...unseen };
}

function commandOf({ process }: Sighting): Bytes {
  const state = readState(process.fd);
  return isUnread(state) ? toBytes('') : state.command;
}
