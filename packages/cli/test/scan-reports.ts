/** Reports of scans made by hand: what renderers are given. */
import type { Finding, ScannedProcess, ScanReport, Service } from '@emplace/fsprobe';
import { ascii, type Bytes } from '@emplace/syscalls';

/** What a file, a process, a service or a package may call itself: markup, quotes, escapes, bytes that are no UTF-8. */
export const HOSTILE = '<script>alert(1)</script>"\'&\\\n\x1b[31m\xff\u202e' as Bytes;

export function unit(name: string): Service {
  return { kind: 'system-unit', name, advice: `systemctl restart ${name}`, restartable: true };
}

export function aFinding(more: Partial<Finding> = {}): Finding {
  return {
    class: 'replaced-library',
    confidence: 'high',
    held: 'library',
    shown: ascii('/usr/lib/libz.so.1.3 (deleted)'),
    path: ascii('/usr/lib/libz.so.1.3'),
    evidence: ['another file is at its path'],
    leaks: false,
    owners: ['sys-libs/zlib-1.3'],
    ...more,
  };
}

export function aProcess(pid: number, more: Partial<ScannedProcess> = {}): ScannedProcess {
  return {
    pid,
    uid: 0,
    command: ascii('nginx'),
    arguments: [ascii('nginx:'), ascii('worker')],
    started: 1_790_000_000,
    cgroup: ascii('0::/system.slice/nginx.service\n'),
    service: unit('nginx.service'),
    place: 'host',
    root: ascii('/'),
    findings: [aFinding()],
    ...more,
  };
}

export function aReport(processes: readonly ScannedProcess[], counts: Partial<ScanReport['counts']> = {}): ScanReport {
  return {
    processes,
    counts: {
      processes: processes.length + 100,
      unread: 0,
      hidden: false,
      gone: 0,
      kernelThreads: 90,
      unreadDatabases: 0,
      ...counts,
    },
    booted: 1_789_000_000,
    scanned: 1_790_100_000,
    durationMs: 41.7,
  };
}

/** Every name in it is hostile, and every optional field is there. */
export function hostileReport(): ScanReport {
  const hostile = HOSTILE as string;
  const finding = aFinding({
    class: 'image-path',
    leaks: true,
    shown: HOSTILE,
    path: HOSTILE,
    evidence: [hostile],
    owners: [hostile],
    heldFile: { dev: 2049, ino: 2n ** 63n },
    presentFile: { dev: 2049, ino: 12n },
  });
  return aReport([
    aProcess(7, {
      command: HOSTILE,
      arguments: [HOSTILE, ascii('')],
      cgroup: HOSTILE,
      service: { kind: 'container', name: hostile, advice: hostile, restartable: true },
      place: 'container',
      root: ascii('/proc/7/root'),
      findings: [finding],
    }),
  ]);
}

const session: Service = {
  kind: 'session',
  name: 'session 4 (user 1000)',
  advice: 'log out session 4 of user 1000',
  restartable: false,
};

const bus: Service = {
  kind: 'system-unit',
  name: 'dbus.service',
  advice: 'reboot (everything on the bus would lose it)',
  restartable: false,
};

const container: Service = {
  kind: 'container',
  name: 'docker:4f1d2a9be301',
  advice: 'docker restart 4f1d2a9be301',
  restartable: true,
};

function library(name: string, owner: string): Finding {
  const path = `/usr/lib/x86_64-linux-gnu/${name}`;
  return aFinding({ shown: ascii(`${path} (deleted)`), path: ascii(path), owners: [owner] });
}

const ssl = library('libssl.so.3', 'libssl3:amd64 3.0.17-1~deb12u3');
const crypto = library('libcrypto.so.3', 'libssl3:amd64 3.0.17-1~deb12u3');
const libc = library('libc.so.6', 'libc6:amd64 2.36-9+deb12u13');
const busLibrary = library('libdbus-1.so.3.32.4', 'libdbus-1-3:amd64 1.14.10-1');

/** What a busy host may look like after an upgrade: all grades, several packages and services. */
export function busyReport(): ScanReport {
  const worker = (pid: number): ScannedProcess => aProcess(pid, { uid: 33, findings: [ssl, crypto, libc] });
  const leak = aFinding({
    class: 'image-path',
    held: 'exe',
    leaks: true,
    shown: ascii('/var/tmp/portage/app-editors/vim-9.1.0366/image/usr/bin/vim'),
    path: ascii('/usr/bin/vim'),
    evidence: [
      '`/var/tmp/portage/app-editors/vim-9.1.0366/image` is an image directory of Portage',
      'another file is at `/usr/bin/vim`',
    ],
    owners: ['app-editors/vim-9.1.0366'],
  });
  const memory = aFinding({
    ...{ class: 'fileless', held: 'exe', shown: ascii('/memfd:kworker (deleted)'), path: undefined, owners: [] },
    evidence: ['the program is an object of memory (memfd)'],
  });
  const script = aFinding({
    ...{
      class: 'changed-script',
      held: 'script',
      confidence: 'medium',
      shown: ascii('/usr/share/unattended-upgrades/unattended-upgrade-shutdown'),
    },
    ...{
      path: ascii('/usr/share/unattended-upgrades/unattended-upgrade-shutdown'),
      owners: ['unattended-upgrades 2.9.1+nmu3'],
    },
    evidence: ['changed 3 h after the process had started'],
  });
  const executable = aFinding({
    ...{
      class: 'replaced-executable',
      held: 'exe',
      shown: ascii('/usr/sbin/sshd (deleted)'),
      path: ascii('/usr/sbin/sshd'),
    },
    owners: ['openssh-server 1:9.2p1-2+deb12u7'],
  });
  const log = aFinding({
    ...{
      class: 'replaced-descriptor',
      held: 'descriptor',
      shown: ascii('/var/log/nginx/access.log.1 (deleted)'),
      owners: [],
    },
    ...{ path: ascii('/var/log/nginx/access.log.1'), evidence: ['descriptor 5'] },
  });
  const postgres = { service: unit('postgresql@15-main.service'), command: ascii('postgres'), uid: 113 };
  return aReport(
    [
      ...[812, 813, 814, 815].map(worker),
      aProcess(811, {
        findings: [ssl, crypto, libc, log],
        arguments: [ascii('nginx:'), ascii('master'), ascii('process')],
      }),
      ...[901, 902, 903].map((pid) =>
        aProcess(pid, { ...postgres, findings: [ssl, libc], arguments: [ascii('postgres:'), ascii('checkpointer')] }),
      ),
      aProcess(640, {
        command: ascii('sshd'),
        arguments: [ascii('/usr/sbin/sshd'), ascii('-D')],
        service: unit('ssh.service'),
        findings: [executable, crypto, libc],
      }),
      aProcess(2210, {
        command: ascii('vim'),
        arguments: [ascii('vim'), ascii('notes.txt')],
        uid: 1000,
        service: session,
        findings: [leak],
      }),
      aProcess(590, {
        command: ascii('dbus-daemon'),
        arguments: [ascii('/usr/bin/dbus-daemon'), ascii('--system')],
        uid: 100,
        service: bus,
        findings: [busLibrary, libc],
      }),
      aProcess(4410, {
        command: ascii('kworker/3:1'),
        arguments: [ascii('[kworker/3:1]')],
        uid: 33,
        service: {
          kind: 'process',
          name: 'kworker/3:1',
          advice: 'end and start again: kworker/3:1',
          restartable: false,
        },
        findings: [memory],
      }),
      aProcess(1501, {
        command: ascii('node'),
        arguments: [ascii('node'), ascii('/srv/app/server.js')],
        uid: 1001,
        place: 'container',
        root: ascii('/proc/1501/root'),
        service: container,
        findings: [aFinding({ ...ssl, owners: ['libssl3 3.3.2-r1'] })],
      }),
      aProcess(700, {
        command: ascii('python3'),
        arguments: [ascii('/usr/bin/python3'), ascii('/usr/share/unattended-upgrades/unattended-upgrade-shutdown')],
        service: unit('unattended-upgrades.service'),
        findings: [script],
      }),
    ],
    { processes: 213, unread: 2, gone: 1 },
  );
}
