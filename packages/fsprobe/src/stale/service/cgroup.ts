import type { Bytes } from '@emplace/syscalls';

/** One line of /proc/PID/cgroup (cgroups(7)). */
interface Membership {
  /** `''` for version 2, `name=systemd`, `name=openrc`, `cpu,cpuacct`. */
  readonly controllers: string;
  readonly path: Bytes;
}

/** In which control groups a process is, for whoever gave them a meaning. Paths are split at their slashes. */
export interface Cgroups {
  /** systemd's own hierarchy, of version 1 or 2. */
  readonly systemd: readonly string[];
  /** OpenRC's of version 1, where there is one. */
  readonly openrc: readonly string[];
  /** elogind's of version 1. */
  readonly elogind: readonly string[];
  readonly unified: readonly string[];
  /** All of them, systemd's first. */
  readonly all: readonly (readonly string[])[];
}

const LINE = /^\d+:([^:]*):(\/.*)$/;
/** What the kernel appends for a group of version 2 that was removed. */
const DELETED = ' (deleted)';

/**
 * Reads the text of /proc/PID/cgroup.
 * @param top what all paths begin with where the scanner itself is in a container: see {@link topOf}
 */
export function parseCgroups(text: Bytes, top: readonly string[] = []): Cgroups {
  const lines = text.split('\n').flatMap((line): Membership[] => {
    const [, controllers, path] = LINE.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers, path: path as Bytes }];
  });
  const of = (controllers: string): readonly string[] => {
    const path = lines.find((line) => line.controllers === controllers)?.path ?? '';
    return withoutTop(partsOf(path, controllers === ''), top);
  };
  const [named, unified] = [of('name=systemd'), of('')];
  const systemd = named.length > 0 ? named : unified;
  const rest = lines.map(({ path, controllers }) => withoutTop(partsOf(path, controllers === ''), top));
  return { systemd, openrc: of('name=openrc'), elogind: of('name=elogind'), unified, all: [systemd, ...rest] };
}

/**
 * What is above everything that can be seen, from the groups of process 1: nothing, or the container's own path where
 * it has no cgroup namespace. As systemd finds it (cg_get_root_path).
 */
export function topOf(cgroupsOfInit: Cgroups): readonly string[] {
  const path = cgroupsOfInit.systemd;
  return path.at(-1) === 'init.scope' ? path.slice(0, -1) : path;
}

/** `..` at its start: a group outside of our cgroup namespace. */
function partsOf(path: string, isUnified: boolean): string[] {
  const whole = isUnified && path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
  return whole.split('/').filter((part) => part !== '' && part !== '..');
}

function withoutTop(parts: readonly string[], top: readonly string[]): readonly string[] {
  return top.every((part, i) => parts[i] === part) ? parts.slice(top.length) : parts;
}
