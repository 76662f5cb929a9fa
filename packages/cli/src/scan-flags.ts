import { readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ScanOptions, type StaleClass, staleClasses } from '@emplace/fsprobe';
import { MergeError } from '@emplace/merge-core';
import { show, toBytes } from '@emplace/syscalls';
import * as Flags from '@oclif/core/flags';
import { FOUND } from './database-flags.ts';

const FILTERS = 'FILTER';
const ANY = 'any';

/** What is looked at, and what is told of it. */
export const scanFlags = {
  pid: Flags.integer({
    ...{ multiple: true, multipleNonGreedy: true, delimiter: ',' as const, min: 1 },
    ...{ helpGroup: FILTERS, helpValue: 'PID', summary: 'only these processes' },
  }),
  user: Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, delimiter: ',' as const },
    ...{
      helpGroup: FILTERS,
      helpValue: 'USER',
      summary: 'only processes of these users: names of /etc/passwd, or uids',
    },
  }),
  class: Flags.option({
    ...{ options: staleClasses, multiple: true as const, multipleNonGreedy: true, delimiter: ',' as const },
    ...{ helpGroup: FILTERS, helpValue: 'CLASS', summary: 'only findings of these classes' },
  })(),
  descriptors: Flags.boolean({
    helpGroup: FILTERS,
    summary: 'open files and mapped data too: logs and databases that were replaced',
  }),
  benign: Flags.boolean({ helpGroup: FILTERS, summary: 'what is harmless too: memory without a file, devices' }),
  'fail-on': Flags.option({
    ...{ options: [ANY, ...staleClasses] as const, multiple: true as const, multipleNonGreedy: true },
    ...{ delimiter: ',' as const, helpValue: 'CLASS' },
    summary: `exit with ${FOUND} when there is one of these; ${ANY}: all but benign`,
  })(),
  'image-dir': Flags.string({
    ...{ multiple: true, multipleNonGreedy: true, helpGroup: FILTERS, helpValue: 'DIR' },
    summary: 'a further directory where packages are built or unpacked',
  }),
};

interface ScanFlags {
  readonly pid?: readonly number[] | undefined;
  readonly user?: readonly string[] | undefined;
  readonly class?: readonly StaleClass[] | undefined;
  readonly descriptors: boolean;
  readonly benign: boolean;
  readonly 'fail-on'?: readonly string[] | undefined;
  readonly 'image-dir'?: readonly string[] | undefined;
}

/** What is named is looked for: `--class replaced-descriptor` needs no `--descriptors`. @throws MergeError BAD_OPTION for a user that there is not, or no directory */
export function scanOptionsOf(flags: ScanFlags): ScanOptions {
  const asked: readonly string[] = [...(flags.class ?? []), ...(flags['fail-on'] ?? [])];
  return {
    ...(flags.pid !== undefined && { pids: flags.pid }),
    ...(flags.user !== undefined && { users: flags.user.map(uidOf) }),
    ...(flags.class !== undefined && { classes: flags.class }),
    imageDirectories: (flags['image-dir'] ?? []).map(realPath),
    descriptors: flags.descriptors || asked.includes('replaced-descriptor'),
    benign: flags.benign || asked.includes('benign'),
  };
}

/**
 * Classes that are a failure.
 * @param shown those that are told of
 * @throws MergeError BAD_OPTION for one that cannot be found: monitoring would be quiet for ever
 */
export function failuresOf(failOn: readonly string[], shown: readonly StaleClass[] = staleClasses): StaleClass[] {
  const unseen = staleClasses.filter((name) => failOn.includes(name) && !shown.includes(name));
  if (unseen.length > 0)
    throw new MergeError('BAD_OPTION', `\`--fail-on ${unseen.join()}\` finds nothing: \`--class\` leaves it out`);
  return staleClasses.filter((name) => failOn.includes(name) || (failOn.includes(ANY) && name !== 'benign'));
}

function uidOf(user: string): number {
  if (/^\d{1,10}$/.test(user)) return Number(user);
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid = ''] = line.split(':');
    if (name === user && /^\d+$/.test(uid)) return Number(uid);
  }
  throw new MergeError('BAD_OPTION', `there is no user \`${show(toBytes(user))}\` in /etc/passwd: pass the uid`);
}

/** As the kernel will show it. One that is gone is taken as it is written. @throws MergeError BAD_OPTION for none at all */
function realPath(directory: string): string {
  if (directory === '') throw new MergeError('BAD_OPTION', '`--image-dir` names no directory');
  try {
    return realpathSync(directory);
  } catch {
    return resolve(directory);
  }
}
