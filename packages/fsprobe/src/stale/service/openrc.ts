import { ascii, type Bytes } from '@emplace/syscalls';
import { listNames } from '../../processes/proc.ts';
import { attempt, isUnread } from '../../processes/read.ts';
import { openDirectory, type Root, textOf } from '../below-root.ts';
import type { Cgroups } from './cgroup.ts';

const DAEMONS = 'run/openrc/daemons';
const OPTIONS = 'run/openrc/options';
const NAME = /^[A-Za-z0-9_+@][A-Za-z0-9_.+@-]*$/;
const SERVICES_MAX = 10_000;

/**
 * OpenRC's service by its group: `/NAME` in a hierarchy of its own, `/openrc.NAME` or `/openrc/NAME` in version 2,
 * `/openrc_NAME` where limits are set with version 1 (rc-cgroup.sh).
 */
export function openrcServiceAt({ openrc, all }: Cgroups): string | undefined {
  const names = [openrc[0], ...all.map(([first, second]) => (first === 'openrc' ? second : afterPrefix(first)))];
  return names.find((name) => name !== undefined && NAME.test(name));
}

/** elogind's session: its number alone is the group, in whichever hierarchy it found (also `c1` for greeters). */
export function elogindSessionAt({ openrc, elogind, systemd, unified }: Cgroups): string | undefined {
  const first = (parts: readonly string[]): string | undefined => (parts[0] === 'elogind' ? parts[1] : parts[0]);
  return [elogind, openrc, systemd, unified].map(first).find((name) => name !== undefined && /^c?\d+$/.test(name));
}

/** Which processes are daemons that OpenRC started, by what start-stop-daemon and supervise-daemon have written down. */
export function openrcDaemons(root: Root): ReadonlyMap<number, string> {
  const daemons = new Map<number, string>();
  const add = (text: string | undefined, service: string): void => {
    const pid = Number(/^\s*(\d+)/.exec(text ?? '')?.[1]);
    if (pid > 0) daemons.set(pid, service);
  };
  for (const service of namesIn(root, DAEMONS)) {
    for (const file of namesIn(root, `${DAEMONS}/${service}`)) {
      const [, pidfile] = /^pidfile=(\/.+)$/m.exec(textOf(root, ascii(`${DAEMONS}/${service}/${file}`)) ?? '') ?? [];
      if (pidfile !== undefined) add(textOf(root, pidfile as Bytes), service);
    }
    add(textOf(root, ascii(`${OPTIONS}/${service}/child_pid`)), service);
  }
  return daemons;
}

function namesIn(root: Root, directory: string): string[] {
  using opened = openDirectory(root, ascii(directory));
  const names = opened && attempt(() => listNames(opened.fd, ascii('.')));
  if (names === undefined || isUnread(names)) return [];
  return names.filter((name) => NAME.test(name)).slice(0, SERVICES_MAX);
}

function afterPrefix(part: string | undefined): string | undefined {
  return /^openrc[._](.+)$/.exec(part ?? '')?.[1];
}
