import { type Bytes, randomBytes } from '@emplace/syscalls';

/**
 * Names that a merge uses beside a target until it is done. They are derived from the transaction and the
 * placement's number alone, so recovery and the scan recognise them without any state.
 */
const MARK = '.emplace-';

/** `s`: the new entry, staged. `u`: the old one, kept. `r`: the same of one that is removed. `p`: a probe of what the directory can do. */
type Role = 's' | 'u' | 'r' | 'p';

/** How much of the target's name a staged name shows. The number makes it unique, the name is for people. */
const NAME_SHOWN = 64;

/** The longest staged name, bytes: a target file system that holds less than this is refused. */
export const STAGED_NAME_MAX: number = 1 + NAME_SHOWN + MARK.length + 8 + 2 + 6;

/** `.NAME.emplace-TRANSACTION-sINDEX`. */
export function stagedName(transaction: string, role: Role, index: number, name: Bytes): Bytes {
  return `.${name.slice(0, NAME_SHOWN)}${MARK}${transaction}-${role}${index.toString(36)}` as Bytes;
}

/** Whether a name is one that some merge staged, and which transaction's. */
export function transactionOf(name: Bytes): string | undefined {
  return /^\..*\.emplace-([a-z0-9]{8})-[surp][a-z0-9]+$/s.exec(name)?.[1];
}

/** 40 random bits as 8 letters and digits. */
export function newTransaction(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(randomBytes(8), (byte) => alphabet[byte & 31]).join('');
}
