import type { Bytes } from '@emplace/syscalls';

/** `._cfgNNNN_NAME`, where an update waits beside the file NAME that is protected. */
const CONFIG_NAME = /^\._cfg(\d{4})_(.+)$/s;
const NUMBER_MAX = 9999;

export interface ConfigName {
  readonly number: number;
  /** The protected file's own name. */
  readonly name: Bytes;
}

/** undefined for a name that is none: tools look for four digits, so five are none. */
export function parseConfigName(name: Bytes): ConfigName | undefined {
  const [, number, own] = CONFIG_NAME.exec(name) ?? [];
  return own === undefined ? undefined : { number: Number(number), name: own as Bytes };
}

/**
 * The name under which an update of `name` is offered, and whether it takes the place of an update that is there.
 * Only the newest that waits is looked at: one that is the same is replaced, else the number goes up by one.
 * After 9999 nothing can go higher such that etc-update and dispatch-conf find it: the newest is replaced then.
 *
 * Not guaranteed: that the name is short enough; it is ten bytes longer than `name`.
 * @param names all names in the directory
 * @param isSame whether the candidate has the type and content (a symlink: the target) that the update has
 */
export function configName(
  name: Bytes,
  names: Iterable<Bytes>,
  isSame: (candidate: Bytes) => boolean,
): { name: Bytes; replaces: boolean } {
  let newest = -1;
  for (const each of names) {
    const parsed = parseConfigName(each);
    if (parsed?.name === name) newest = Math.max(newest, parsed.number);
  }
  if (newest >= 0) {
    const candidate = format(newest, name);
    if (newest === NUMBER_MAX || isSame(candidate)) return { name: candidate, replaces: true };
  }
  return { name: format(newest + 1, name), replaces: false };
}

function format(number: number, name: Bytes): Bytes {
  return `._cfg${String(number).padStart(4, '0')}_${name}` as Bytes;
}
