import { ascii, type Bytes, show } from '@emplace/syscalls';

/** The directory itself, in calls that take a name below a handle. */
export const HERE: Bytes = ascii('');

/** `name` below `directory`; both relative, `''` is the top. */
export function join(directory: Bytes, name: Bytes): Bytes {
  return (directory === '' ? name : `${directory}/${name}`) as Bytes;
}

export function splitPath(path: Bytes): { parent: Bytes; name: Bytes } {
  const slash = path.lastIndexOf('/');
  return { parent: path.slice(0, Math.max(slash, 0)) as Bytes, name: path.slice(slash + 1) as Bytes };
}

/** Whether `path` is `directory` or lies below it. */
export function isWithin(path: Bytes, directory: Bytes): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}

/** A path below a tree for a person to read; `name` may be empty. */
export function showPath(directory: Bytes | undefined, name: string): string {
  return show(join(directory ?? HERE, name as Bytes)).replace(/\/$/, '');
}
