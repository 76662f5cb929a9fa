import { type Bytes, show } from '@emplace/syscalls';
import type { Service } from '../model.ts';
import type { UnitFile } from './unit-file.ts';

/** comm is that long (TASK_COMM_LEN of the kernel, its NUL left out). */
const COMMAND_BYTES = 15;

/**
 * Services whose children are not theirs, but what somebody asked them to start: sessions, jobs, containers. With
 * systemd the unit files tell; this is for when they cannot be read, and for OpenRC.
 */
const OWN_PROGRAMS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    agetty: ['agetty', 'getty'],
    atd: ['atd'],
    containerd: ['containerd'],
    cron: ['cron'],
    crond: ['crond'],
    cronie: ['crond'],
    dcron: ['crond'],
    docker: ['dockerd', 'docker-proxy'],
    dropbear: ['dropbear'],
    fcron: ['fcron'],
    ssh: ['sshd'],
    sshd: ['sshd'],
  }),
);

/** Whether a process in a service's group goes on when that is restarted: it has to be ended by itself. */
export function lingers(command: Bytes, unit: string, file: UnitFile | undefined): boolean {
  const stem = unit.replace(/[@.].*$/s, '');
  const own = file === undefined ? OWN_PROGRAMS.get(stem) : file.leavesChildren ? file.programs : undefined;
  if (own === undefined || own.length === 0) return false;
  // Debian's cron shows its children as CRON.
  return !own.some((program) => program.slice(0, COMMAND_BYTES).toLowerCase() === command.toLowerCase());
}

/** A process that belongs to nothing that could be restarted. */
export function alone(command: Bytes, why = ''): Service {
  const name = command === '' ? '(no name)' : show(command);
  const advice = `end and start again: ${name}${why === '' ? '' : ` (${why})`}`;
  return { kind: 'process', name, advice, restartable: false };
}
