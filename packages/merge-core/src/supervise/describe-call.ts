import { readFileSync, readlinkSync } from 'node:fs';
import { readMounts } from '@emplace/fsprobe';
import { show, toBytes } from '@emplace/syscalls';
import type { Doing } from './page.ts';
import { callByNumber } from './published.ts';

/**
 * A call of the mover for a person: ``rename `/root/.a` → `/root/a` (fuse.sshfs on host:/)``. All of it is read from
 * /proc, nothing is asked of the file system that may hang. What cannot be read is left out.
 */
export function describeCall(pid: number, { call, handles, names }: Doing): string {
  const name = callByNumber(call)?.name ?? 'nothing';
  const sides = handles.map((handle, side) => pathOf(pid, handle, names[side] ?? '')).filter((path) => path !== '');
  const where = mountOf(pid, handles[0] || handles[1]);
  return [name, sides.join(' → '), where === undefined ? '' : `(${where})`].filter((part) => part !== '').join(' ');
}

/** Pinned handles are the complement of their descriptor: see fs/linux-attributes.ts. */
function descriptor(handle: number): number {
  return handle < 0 ? ~handle : handle;
}

function pathOf(pid: number, handle: number, name: string): string {
  if (handle === 0) return name === '' ? '' : `\`${show(name as never)}\``;
  const directory = attempt(() => toBytes(readlinkSync(`/proc/${pid}/fd/${descriptor(handle)}`, 'buffer')));
  if (directory === undefined && name === '') return '';
  return `\`${show(`${directory ?? '?'}${name === '' ? '' : `/${name}`}` as never)}\``;
}

function mountOf(pid: number, handle: number): string | undefined {
  if (handle === 0) return undefined;
  const info = attempt(() => readFileSync(`/proc/${pid}/fdinfo/${descriptor(handle)}`, 'latin1'));
  const id = /^mnt_id:\s*(\d+)$/m.exec(info ?? '')?.[1];
  if (id === undefined) return undefined;
  const mount = attempt(() => readMounts('self'))?.mounts.find((one) => one.id === Number(id));
  if (mount === undefined) return `mount ${id}`;
  const type = mount.subtype === undefined ? mount.type : `${mount.type}.${mount.subtype}`;
  return `${show(type as never)} on ${show(mount.source)}`;
}

/** A process that ends meanwhile, or that we may not look at, says nothing. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
