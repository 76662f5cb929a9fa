import { ascii, type Bytes, show } from '@emplace/syscalls';
import type { Service } from '../model.ts';

/** What is known of process 1. */
export interface InitFacts {
  readonly command: Bytes;
  /** What `/proc/1/exe` shows; undefined where it may not be read. */
  readonly executable: Bytes | undefined;
  /** The text of /proc/1/cgroup. */
  readonly cgroup: Bytes;
}

const SYSTEMD: Service = {
  kind: 'init',
  name: 'systemd',
  advice: 'systemctl daemon-reexec',
  restartable: true,
};

/** Programs that are process 1, and how they take up their new file while they run, if they can. */
const INITS: Readonly<Record<string, string | undefined>> = {
  systemd: SYSTEMD.advice,
  /** init(8) of sysvinit. */
  init: 'telinit u',
  'openrc-init': 'openrc-shutdown --reexec',
  /** It runs its restart action only after it has ended all processes. */
  busybox: undefined,
  runit: undefined,
  'runit-init': undefined,
  's6-svscan': undefined,
  dinit: undefined,
};

/** The name of the program that is process 1. */
export function initName({ command, executable }: InitFacts): string {
  const program = executable?.replace(/ \(deleted\)$/, '').replace(/^.*\//, '');
  if (command === 'systemd' || program === 'systemd') return 'systemd';
  // `init` says nothing by itself: Debian's, BusyBox's and Upstart's are all called so.
  return show(program === undefined ? command : ascii(program));
}

/** What to do about process 1. */
export function initService(name: string): Service {
  const advice = Object.hasOwn(INITS, name) ? INITS[name] : undefined;
  if (advice !== undefined) return { kind: 'init', name, advice, restartable: true };
  return { kind: 'init', name, advice: 'reboot (or start the container again, in one)', restartable: false };
}
