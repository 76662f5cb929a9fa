import { ascii, type Bytes, show } from '@emplace/syscalls';

/** Where a path of systemd's leads: the first unit below its slices. What is below a unit is the unit's own business. */
export interface UnitPlace {
  /** As systemd names it, escapes and all: `serial-getty@ttyS0.service`, `dev-disk-by\x2duuid-1.swap`. */
  readonly unit: string;
  /** The slices it is in, uppermost first. */
  readonly slices: readonly string[];
  readonly rest: readonly string[];
}

/** systemd.unit(5). */
const UNIT = /^[A-Za-z0-9:_.\\@-]+\.(?:service|scope|slice|socket|mount|automount|swap|device|target|timer|path)$/;
const UNIT_BYTES_MAX = 255;

/** undefined when there is no unit: a process right in a slice, or somebody else's groups. */
export function unitAt(parts: readonly string[]): UnitPlace | undefined {
  const below = parts.map(unescapeGroup);
  const at = below.findIndex((part) => !(part.endsWith('.slice') && isUnit(part)));
  const unit = below[at];
  if (unit === undefined || !isUnit(unit)) return undefined;
  return { unit, slices: below.slice(0, at), rest: parts.slice(at + 1) };
}

/** `nginx` of `nginx.service`, `getty` of `getty@tty1.service`. */
export function stemOf(unit: string): string {
  return unit.replace(/(?:@.*)?\.[a-z]+$/, '');
}

/** `nginx.service` as it is, `'a\x2db.service'` in quotes: for a shell. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word}'`;
}

/** `a\x2db` is `a-b` (systemd-escape(1)): for a person, hostile bytes shown as such. */
export function unescapeUnit(text: string): string {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return show(ascii(bytes) as Bytes);
}

function isUnit(text: string): boolean {
  return text.length <= UNIT_BYTES_MAX && UNIT.test(text);
}

/** A unit whose name could be one of the kernel's own files (`cpu.service`) has `_` before it. */
function unescapeGroup(part: string): string {
  return part.startsWith('_') ? part.slice(1) : part;
}
