import type { Bytes } from '@emplace/syscalls';
import type { Service } from '../model.ts';
import { parseCgroups } from './cgroup.ts';
import { containerAt } from './container.ts';
import type { Host } from './host.ts';
import { initService } from './init.ts';
import { alone, lingers } from './lingering.ts';
import { whyNever } from './never-restarted.ts';
import { elogindSessionAt, openrcServiceAt } from './openrc.ts';
import { sessionService, systemdService } from './systemd.ts';

/** What is known of a process. */
export interface ProcessFacts {
  readonly pid: number;
  /** Who started it, or took it over. */
  readonly parent?: number;
  readonly command: Bytes;
  readonly kernelThread?: boolean;
  /** The text of /proc/PID/cgroup; undefined where there is none. */
  readonly cgroup: Bytes | undefined;
}

const KERNEL: Service = { kind: 'kernel', name: 'kernel', advice: 'reboot', restartable: false };

/**
 * What has to be started anew for a process to run current files, by the control groups it is in: those are the only thing
 * that a process cannot leave by itself. Nothing is run to find out.
 *
 * Not guaranteed: that a group which its owner may make as he likes (below `user@UID.service`, in a container) is named
 * for what it is; an advice names only that owner's own things.
 */
export function serviceOf(process: ProcessFacts, host: Host): Service {
  const { pid, command } = process;
  if (process.kernelThread === true) return KERNEL;
  if (pid === 1) return initService(host.init);
  const groups = process.cgroup === undefined ? undefined : parseCgroups(process.cgroup, host.cgroupTop);
  if (groups !== undefined) {
    for (const parts of groups.all) {
      const container = containerAt(parts);
      if (container !== undefined) return container;
    }
    if (host.init === 'systemd') return systemdService(groups.systemd, command, host) ?? alone(command);
    const session = elogindSessionAt(groups);
    if (session !== undefined) return sessionService(session, undefined);
    const service = openrcServiceAt(groups);
    if (service !== undefined) return openrcService(service, command);
  }
  if (host.init === 'systemd') return alone(command);
  const daemons = host.openrcDaemons();
  const daemon = daemons.get(pid) ?? daemons.get(process.parent ?? 0);
  return daemon === undefined ? alone(command) : openrcService(daemon, command);
}

function openrcService(name: string, command: Bytes): Service {
  const never = whyNever(name, 'system');
  if (never !== undefined) return { kind: 'openrc', name, advice: `reboot (${never})`, restartable: false };
  if (lingers(command, name, undefined)) return alone(command, `it outlives a restart of ${name}`);
  return { kind: 'openrc', name, advice: `rc-service ${name} restart`, restartable: true };
}
