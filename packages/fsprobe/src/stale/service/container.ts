import type { Service } from '../model.ts';
import { stemOf, unescapeUnit, unitAt } from './unit-name.ts';

/** How one runtime names the group of a container. Each is matched against one part of a path, with the part above it. */
interface Pattern {
  readonly runtime: string;
  readonly part: RegExp;
  readonly above?: RegExp;
  /** The runtime's own command that starts it anew. */
  readonly restart?: (id: string) => string;
}

const SHORT = 12;
const command =
  (name: string) =>
  (id: string): string =>
    `${name} restart ${id}`;

/** Sources: the runtimes' documentation of `--cgroup-parent` and of their cgroup drivers, and what they do. */
const PATTERNS: readonly Pattern[] = [
  { runtime: 'docker', part: /^docker-([0-9a-f]{64})\.scope$/, restart: command('docker') },
  { runtime: 'docker', part: /^([0-9a-f]{64})$/, above: /^docker$/, restart: command('docker') },
  { runtime: 'podman', part: /^libpod-(?:conmon-)?([0-9a-f]{64})(?:\.scope)?$/, restart: command('podman') },
  { runtime: 'nerdctl', part: /^nerdctl-([0-9a-f]{64})\.scope$/, restart: command('nerdctl') },
  { runtime: 'lxc', part: /^lxc\.(?:payload|monitor)\.([A-Za-z0-9_.-]+)$/ },
  { runtime: 'lxc', part: /^([A-Za-z0-9_.-]+)$/, above: /^lxc(?:\.payload|\.monitor)?$/ },
];

/** `kubepods-besteffort-podUID.slice` with `_` for `-`, `podUID` below `kubepods`, and `…slice:cri-containerd:ID` of old ones. */
const POD = /^(?:kubepods(?:-[a-z]+)?-)?pod([0-9a-f]{8}[0-9a-f_-]{24,28})(?:\.slice)?(?::|$)/;
/** A virtual machine's or container's unit of systemd-machined: `machine-qemu\x2d1\x2dwin.scope`. */
const MACHINE = /^machine-(.+)\.scope$|^systemd-nspawn@(.+)\.service$/;

/** Names that a shell takes as they are: who may make groups may call them what he likes. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_.:-]*$/;
/** Groups that runtimes make between a container's own and those of its init. */
const INNER = ['payload', 'container'];

/** The outermost container that a path of groups is in; undefined when it is in none. */
export function containerAt(parts: readonly string[]): Service | undefined {
  for (const at of parts.keys()) {
    const found = containerNamed(parts, at);
    if (found === undefined) continue;
    // Below his own manager a user may call groups what he likes: then root must not reboot another's machine of that name.
    const owner = parts.slice(0, at).map((part) => /^user@(\d+)\.service$/.exec(part)?.[1]);
    const user = owner.find((uid) => uid !== undefined);
    return user === undefined ? found : { ...found, advice: `as user ${user}: ${found.advice}` };
  }
  return undefined;
}

/** The container whose group is `parts[at]`. */
function containerNamed(parts: readonly string[], at: number): Service | undefined {
  const [part = '', rest] = [parts[at], parts.slice(at + 1)];
  const pod =
    parts.some((above) => above.startsWith('kubepods')) || part.includes(':') ? POD.exec(part)?.[1] : undefined;
  if (pod !== undefined) return podService(pod.replaceAll('_', '-'));
  const machine = MACHINE.exec(part);
  const name = machine === null ? undefined : unescapeUnit(machine[1] ?? machine[2] ?? '');
  if (name !== undefined && PLAIN.test(name)) return machineService(name, rest);
  for (const { runtime, part: pattern, above, restart } of PATTERNS) {
    const id = pattern.exec(part)?.[1];
    if (id === undefined || (above !== undefined && !above.test(parts[at - 1] ?? ''))) continue;
    const short = restart === undefined ? id : id.slice(0, SHORT);
    const advice = restart === undefined ? `restart the container ${short} (${runtime})` : restart(short);
    return within(`${runtime}:${short}`, advice, rest);
  }
  return undefined;
}

/** Its containers are not to be restarted behind the back of whoever manages the pod. */
function podService(uid: string): Service {
  return container(`pod:${uid}`, `delete the pod with uid ${uid}: its controller starts a new one`);
}

function machineService(name: string, rest: readonly string[]): Service {
  const [, virtual] = /^(?:qemu|lxc|ch|xen)-\d+-(.+)$/.exec(name) ?? [];
  if (virtual !== undefined)
    return container(`machine:${virtual}`, `shut down and start the machine ${virtual} (libvirt)`);
  const inner = innerService(rest);
  if (inner === undefined) return container(`machine:${name}`, `machinectl reboot ${name}`);
  return container(`machine:${name}/${inner}`, `systemctl -M ${name} restart ${inner}`);
}

function within(name: string, advice: string, rest: readonly string[]): Service {
  const inner = innerService(rest);
  if (inner === undefined) return container(name, advice);
  return container(`${name}/${inner}`, `in the container ${name}: systemctl restart ${inner}`);
}

/** A service of the container's own systemd, unless it is one that everything else hangs on. */
function innerService(rest: readonly string[]): string | undefined {
  const unit = unitAt(INNER.includes(rest[0] ?? '') ? rest.slice(1) : rest)?.unit;
  if (unit === undefined || !/^[A-Za-z0-9@:._-]+\.service$/.test(unit)) return undefined;
  return ['dbus', 'dbus-broker', 'systemd-logind', 'user'].includes(stemOf(unit)) ? undefined : unit;
}

function container(name: string, advice: string): Service {
  return { kind: 'container', name, advice, restartable: true };
}
