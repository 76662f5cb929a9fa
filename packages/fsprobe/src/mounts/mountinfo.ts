import { type Bytes, makedev, toBytes } from '@emplace/syscalls';

/** One line of /proc/PID/mountinfo, escapes decoded. Names are bytes; nothing in them can be trusted to be text. */
export interface Mount {
  /** What statx says as mount id. Used again after umount. */
  readonly id: number;
  /** Its own id, or one that is not listed, for the uppermost mount that the process can see. */
  readonly parent: number;
  /** makedev(3) number of the file system. On btrfs no entry has it as st_dev: each subvolume has one of its own. */
  readonly dev: number;
  /** What is shown, as a path within the file system; `net:[4026531840]` and the like for those without paths. */
  readonly root: Bytes;
  /** What is shown has lost its name since (`//deleted` in the text): a bind mount whose source was removed. */
  readonly rootDeleted: boolean;
  /** Where, seen from the process's root directory. Something else may be there by now: see boundariesUnder. */
  readonly point: Bytes;
  /** Of this mount: `ro` or `rw` first, then nosuid, nodev, noexec, relatime… */
  readonly options: readonly Bytes[];
  /** `shared:1`, `master:2`, `propagate_from:3`, `unbindable`, and what later kernels add. */
  readonly optional: readonly Bytes[];
  /** `fuse` of `fuse.sshfs`. */
  readonly type: Bytes;
  /** `sshfs` of `fuse.sshfs`; undefined for most. */
  readonly subtype: Bytes | undefined;
  /** A device, a server, any word, or nothing at all. */
  readonly source: Bytes;
  /**
   * Of the file system: `ro` or `rw` first. Split at every comma; some file systems write commas within a value
   * unescaped (security contexts in quotes, names of subvolumes).
   */
  readonly superOptions: readonly Bytes[];
}

export interface Mountinfo {
  /** In the kernel's order. */
  readonly mounts: readonly Mount[];
  /** Lines that were not understood, as they came. What they mount is not known. */
  readonly unparsed: readonly Bytes[];
}

/**
 * The fields by position, separated by exactly one space, for the source may be empty. `[^ ]` and not `\S`, which
 * takes the byte 0xa0 of a UTF-8 name for a space. A field that is `-` ends the optional ones, the first one only: the
 * source may be `-` too. The last field takes the rest: cifs and 9p write spaces there.
 */
const LINE =
  /^(\d{1,15}) (\d{1,15}) (\d{1,8}):(\d{1,8}) ([^ ]+) (\/[^ ]*) (r[ow](?:,[^ ]*)?)((?: (?!- )[^ ]+)*) - ([^ ]+) ([^ ]*) (r[ow](?:,[^\n]*)?)$/;

const DELETED = '//deleted';

/**
 * Reads the text of /proc/PID/mountinfo (proc_pid_mountinfo(5); show_mountinfo in the kernel's fs/proc_namespace.c).
 * A line that cannot be understood costs itself alone. One without its newline was cut and is not understood either.
 */
export function parseMountinfo(text: Bytes | Uint8Array): Mountinfo {
  const lines = (typeof text === 'string' ? text : toBytes(text)).split('\n') as Bytes[];
  const cut = lines.pop();
  const mounts: Mount[] = [];
  const unparsed: Bytes[] = [];
  for (const line of lines) {
    const mount = parseLine(line);
    if (mount === undefined) unparsed.push(line);
    else mounts.push(mount);
  }
  if (cut !== undefined && cut !== '') unparsed.push(cut);
  return { mounts, unparsed };
}

function parseLine(line: Bytes): Mount | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, id, parent, major, minor, root = '', point, options, optional = '', type = '', source, superOptions] = match;
  // No path has two slashes in a row, so that no name can pretend to be deleted.
  const rootDeleted = root.endsWith(DELETED);
  const dot = type.indexOf('.');
  return {
    id: Number(id),
    parent: Number(parent),
    dev: makedev(Number(major), Number(minor)),
    root: decode(rootDeleted ? root.slice(0, -DELETED.length) : root),
    rootDeleted,
    point: decode(point),
    options: list(options),
    optional: optional === '' ? [] : optional.slice(1).split(' ').map(decode),
    type: decode(dot === -1 ? type : type.slice(0, dot)),
    subtype: dot === -1 ? undefined : decode(type.slice(dot + 1)),
    source: decode(source),
    superOptions: list(superOptions),
  };
}

function list(field = ''): Bytes[] {
  return field.split(',').map(decode);
}

/** The kernel writes a space, tab, newline, backslash and `#` as three octal digits, in some fields others too. */
function decode(field = ''): Bytes {
  return field.replace(/\\([0-3][0-7][0-7])/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  ) as Bytes;
}
