import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { ascii, type Bytes, toBytes } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import type { Service } from '../../src/stale/model.ts';
import { type Host, readHost } from '../../src/stale/service/host.ts';
import { type ProcessFacts, serviceOf } from '../../src/stale/service/service-of.ts';

const ID = '3f4e1b0c9a8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f';
const SHORT = ID.slice(0, 12);
const POD = '1f2e3d4c-5b6a-4798-8a9b-0c1d2e3f4a5b';

function put(place: TemporaryDirectory, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(place.at(name)), { recursive: true });
    writeFileSync(place.at(name), content);
  }
}

function host(place: TemporaryDirectory, init: string, cgroup = '0::/init.scope\n'): Host {
  return readHost(toBytes(place.path), {
    command: ascii(init.slice(0, 15)),
    executable: ascii(`/usr/sbin/${init} (deleted)`),
    cgroup: ascii(cgroup),
  });
}

/** What is said of a process in version 2's group `path`, or with the whole text of its cgroup file. */
function ask(on: Host, cgroup: string, facts: Partial<ProcessFacts> = {}): Service {
  const text = cgroup.startsWith('/') ? `0::${cgroup}\n` : cgroup;
  return serviceOf({ pid: 4711, command: ascii('nginx'), cgroup: text as Bytes, ...facts }, on);
}

function said({ kind, name, advice, restartable }: Service): string[] {
  return [kind, name, advice, restartable ? 'restartable' : 'not'];
}

/** Each line: the group, then kind, name, advice and whether it can be restarted. */
function expectAll(on: Host, lines: readonly (readonly [string, ...string[]])[], facts?: Partial<ProcessFacts>): void {
  for (const [cgroup, ...expected] of lines)
    expect([cgroup, ...said(ask(on, cgroup, facts))]).toEqual([cgroup, ...expected]);
}

describe('with systemd', () => {
  test('a process belongs to the unit whose group it is in, however deep', () => {
    using place = temporaryDirectory();
    expectAll(host(place, 'systemd'), [
      ['/system.slice/nginx.service', 'system-unit', 'nginx.service', 'systemctl restart nginx.service', 'restartable'],
      [
        '/system.slice/system-postgresql.slice/postgresql@15-main.service/worker',
        'system-unit',
        'postgresql@15-main.service',
        'systemctl restart postgresql@15-main.service',
        'restartable',
      ],
      // Quotes for the shell, or it would ask for `serial-gettyx2d1`.
      [
        '/system.slice/system-a\\x2db.slice/a\\x2db@1.service',
        'system-unit',
        'a\\x2db@1.service',
        "systemctl restart 'a\\x2db@1.service'",
        'restartable',
      ],
      ['/system.slice/_cpu.service', 'system-unit', 'cpu.service', 'systemctl restart cpu.service', 'restartable'],
      ['/odd.service (deleted)', 'system-unit', 'odd.service', 'systemctl restart odd.service', 'restartable'],
      [
        '12:pids:/system.slice/a.service\n1:name=systemd:/system.slice/b.service\n0::/system.slice/b.service\n',
        'system-unit',
        'b.service',
        'systemctl restart b.service',
        'restartable',
      ],
      ['1:name=systemd:/\n0::/x.service\n', 'system-unit', 'x.service', 'systemctl restart x.service', 'restartable'],
      [
        '/system.slice/srv-data.mount',
        'system-unit',
        'srv-data.mount',
        'systemctl restart srv-data.mount, once nobody uses it',
        'not',
      ],
      [
        '/system.slice/run-r123.scope',
        'system-unit',
        'run-r123.scope',
        'end and start again what runs in run-r123.scope',
        'not',
      ],
      [
        '/system.slice/system-sshd.slice/sshd@5-10.0.0.1:22-10.0.0.2:4711.service',
        'system-unit',
        'sshd@5-10.0.0.1:22-10.0.0.2:4711.service',
        'close the connection: nothing else ends sshd@5-10.0.0.1:22-10.0.0.2:4711.service',
        'not',
      ],
    ]);
  });

  test('what is no unit is nobody’s: the process itself is named', () => {
    using place = temporaryDirectory();
    const on = host(place, 'systemd');
    const groups = [
      '/',
      '/system.slice',
      '/my group/x',
      '/system.slice/a b.service',
      `/${'a'.repeat(250)}.service`,
      '',
    ];
    for (const group of [...groups, '/system.slice/$(reboot).service', 'no group at all\n\n::'])
      expect(said(ask(on, group))).toEqual(['process', 'nginx', 'end and start again: nginx', 'not']);
    expect(ask(on, '/', { command: '\x1b[2J\n' as Bytes }).name).toBe('\\x1b[2J\\x0a');
    expect(ask(on, '', { cgroup: undefined, command: toBytes('') }).name).toBe('(no name)');
  });

  test('a session is not the service that let its user in', () => {
    using place = temporaryDirectory();
    put(place, { 'run/systemd/sessions/4': 'UID=1000\nSTATE=closing\n', 'run/systemd/sessions/3': 'STATE=active\n' });
    expectAll(host(place, 'systemd'), [
      [
        '/user.slice/user-1000.slice/session-3.scope',
        'session',
        'session 3 (user 1000)',
        'log out session 3 of user 1000',
        'not',
      ],
      [
        '/user.slice/user-1000.slice/session-4.scope',
        'session',
        'session 4 (user 1000)',
        'loginctl terminate-session 4',
        'not',
      ],
      [
        '/user.slice/user-117.slice/session-c1.scope',
        'session',
        'session c1 (user 117)',
        'log out session c1 of user 117',
        'not',
      ],
    ]);
  });

  test('a user’s units are his manager’s', () => {
    using place = temporaryDirectory();
    const above = '/user.slice/user-1000.slice/user@1000.service';
    const as = 'as user 1000: systemctl --user';
    const on = host(place, 'systemd');
    expectAll(on, [
      [
        `${above}/session.slice/pipewire.service`,
        'user-unit',
        'pipewire.service (user 1000)',
        `${as} restart pipewire.service`,
        'restartable',
      ],
      [
        `${above}/app.slice/app-gnome-org.gnome.Terminal-2345.scope`,
        'user-unit',
        'app-gnome-org.gnome.Terminal-2345.scope (user 1000)',
        'end and start again what runs in org.gnome.Terminal (user 1000)',
        'not',
      ],
      [`${above}/init.scope`, 'user-unit', 'systemd (user 1000)', `${as} daemon-reexec`, 'restartable'],
      [
        `${above}/session.slice/dbus.service`,
        'user-unit',
        'dbus.service (user 1000)',
        'log out user 1000 (other services lose their bus with dbus.service)',
        'not',
      ],
      [
        `${above}/session.slice/org.gnome.Shell@wayland.service`,
        'user-unit',
        'org.gnome.Shell@wayland.service (user 1000)',
        'log out user 1000 (the session ends with org.gnome.Shell@wayland.service)',
        'not',
      ],
    ]);
    const pam = ask(on, `${above}/init.scope`, { command: ascii('(sd-pam)') });
    expect(said(pam)).toEqual(['user-unit', 'systemd (user 1000)', 'log out user 1000', 'not']);
  });

  test('what everything hangs on is never to be restarted', () => {
    using place = temporaryDirectory();
    put(place, {
      'usr/lib/systemd/system/careful.service': '[Unit]\nRefuseManualStop=yes\n',
      'usr/lib/systemd/system/tpl@.service': '[Unit]\nRefuseManualStop=true\n',
      // The file of /etc hides the other one.
      'usr/lib/systemd/system/free.service': '[Unit]\nRefuseManualStop=yes\n',
      'etc/systemd/system/free.service': '[Unit]\nDescription=x\n',
      'usr/lib/systemd/system/late.service': '[Unit]\nRefuseManualStop = no\n',
      'etc/systemd/system/late.service.d/10.conf': '[Unit]\nRefuseManualStop=1\n',
      'usr/lib/systemd/system/late.service.d/20.txt': '[Unit]\nRefuseManualStop=no\n',
      'usr/lib/systemd/system/off.service': '[Unit]\nRefuseManualStop=yes\n',
      'etc/systemd/system/off.service.d/a.conf': '[Unit]\nRefuseManualStop=no\n',
      'usr/lib/systemd/system/off.service.d/a.conf': '[Unit]\nRefuseManualStop=yes\n',
    });
    symlinkSync('/usr/lib/systemd/system/greeter.service', place.at('etc/systemd/system/display-manager.service'));
    const on = host(place, 'systemd');
    const never = [
      'dbus',
      'dbus-broker',
      'systemd-logind',
      'gdm',
      'sddm',
      'greeter',
      'careful',
      'tpl@1',
      'late',
      'auditd',
    ];
    for (const name of never) {
      const { name: unit, advice, restartable } = ask(on, `/system.slice/${name}.service`);
      expect([unit, restartable]).toEqual([`${name}.service`, false]);
      expect(advice).toMatch(/^reboot \(.+\)$/);
    }
    for (const name of ['free', 'off', 'dbus-x', 'tpl'])
      expect(ask(on, `/system.slice/${name}.service`).advice).toBe(`systemctl restart ${name}.service`);
  });

  test('what outlives a restart of its unit is named itself', () => {
    using place = temporaryDirectory();
    const own = '[Service]\nKillMode=process\nExecStart=\nExecStart=-/usr/sbin/jobs-with-a-long-name -D \\\n  --all\n';
    put(place, { 'lib/systemd/system/jobs.service': own });
    const on = host(place, 'systemd');
    const command = (name: string): Partial<ProcessFacts> => ({ command: ascii(name) });
    expect(ask(on, '/system.slice/jobs.service', command('jobs-with-a-lon')).kind).toBe('system-unit');
    expect(said(ask(on, '/system.slice/jobs.service', command('bash')))).toEqual([
      'process',
      'bash',
      'end and start again: bash (it outlives a restart of jobs.service)',
      'not',
    ]);
    // Without their files, what is known of them.
    expect(ask(on, '/system.slice/ssh.service', command('bash')).kind).toBe('process');
    expect(ask(on, '/system.slice/ssh.service', command('sshd')).kind).toBe('system-unit');
    expect(ask(on, '/system.slice/cron.service', command('CRON')).kind).toBe('system-unit');
    expect(ask(on, '/system.slice/constructor.service', command('x')).kind).toBe('system-unit');
  });
});

describe('a container is named with its runtime', () => {
  const restart = (runtime: string): [string, string, string, string] => [
    'container',
    `${runtime}:${SHORT}`,
    `${runtime} restart ${SHORT}`,
    'restartable',
  ];
  const pod = [
    'container',
    `pod:${POD}`,
    `delete the pod with uid ${POD}: its controller starts a new one`,
    'restartable',
  ];

  test('in whichever way the runtime names its groups', () => {
    using place = temporaryDirectory();
    expectAll(host(place, 'systemd'), [
      [`/system.slice/docker-${ID}.scope`, ...restart('docker')],
      [`/docker/${ID}`, ...restart('docker')],
      [
        `9:memory:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/system.slice/containerd.service\n`,
        ...restart('docker'),
      ],
      [`/machine.slice/libpod-${ID}.scope/container`, ...restart('podman')],
      [`/machine.slice/libpod-conmon-${ID}.scope`, ...restart('podman')],
      [`/libpod_parent/libpod-${ID}`, ...restart('podman')],
      [
        `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
        'container',
        `podman:${SHORT}`,
        `as user 1000: podman restart ${SHORT}`,
        'restartable',
      ],
      // Of a quadlet, restarting the unit makes the container anew.
      [
        `/system.slice/web.service/libpod-payload-${ID}`,
        'system-unit',
        'web.service',
        'systemctl restart web.service',
        'restartable',
      ],
      [`/system.slice/nerdctl-${ID}.scope`, ...restart('nerdctl')],
      [
        `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
        ...pod,
      ],
      [`/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/crio-${ID}.scope`, ...pod],
      [`/kubepods/besteffort/pod${POD}/${ID}`, ...pod],
      [
        `/system.slice/containerd.service/kubepods-besteffort-pod${POD.replaceAll('-', '_')}.slice:cri-containerd:${ID}`,
        ...pod,
      ],
      ['/lxc.payload.web-1', 'container', 'lxc:web-1', 'restart the container web-1 (lxc)', 'restartable'],
      ['/lxc/web', 'container', 'lxc:web', 'restart the container web (lxc)', 'restartable'],
      [
        '/lxc.payload.web/system.slice/nginx.service',
        'container',
        'lxc:web/nginx.service',
        'in the container lxc:web: systemctl restart nginx.service',
        'restartable',
      ],
      [
        '/lxc.payload.web/system.slice/dbus.service',
        'container',
        'lxc:web',
        'restart the container web (lxc)',
        'restartable',
      ],
      [
        '/machine.slice/machine-deb\\x2d12.scope/payload/init.scope',
        'container',
        'machine:deb-12',
        'machinectl reboot deb-12',
        'restartable',
      ],
      [
        '/machine.slice/systemd-nspawn@deb.service/payload/system.slice/cron.service',
        'container',
        'machine:deb/cron.service',
        'systemctl -M deb restart cron.service',
        'restartable',
      ],
      [
        '/machine.slice/machine-qemu\\x2d1\\x2dwin10.scope/libvirt/emulator',
        'container',
        'machine:win10',
        'shut down and start the machine win10 (libvirt)',
        'restartable',
      ],
    ]);
  });

  test('and with its user, who may call his groups after the machine of another', () => {
    using place = temporaryDirectory();
    const on = host(place, 'systemd');
    const own = '/user.slice/user-1000.slice/user@1000.service/app.slice';
    const escaped = POD.replaceAll('-', '_');
    for (const [group, advice] of [
      ['machine-web.scope', 'as user 1000: machinectl reboot web'],
      ['machine-web.scope/payload/a.service', 'as user 1000: systemctl -M web restart a.service'],
      [`kubepods-pod${escaped}.slice`, `as user 1000: delete the pod with uid ${POD}: its controller starts a new one`],
      [`docker-${ID}.scope/a.service`, `as user 1000: in the container docker:${SHORT}: systemctl restart a.service`],
    ])
      expect(ask(on, `${own}/${group}`).advice).toBe(advice);
    // A user within a container is none of this machine.
    const within = '/lxc.payload.web/user.slice/user-1000.slice/user@1000.service/init.scope';
    expect(ask(on, within).advice).toBe('restart the container web (lxc)');
  });

  test('and what only looks like one is none', () => {
    using place = temporaryDirectory();
    const on = host(place, 'systemd');
    const groups = [
      `/docker-${ID}x.scope`,
      `/docker/${SHORT}`,
      `/x/${ID}`,
      '/pods/pod1',
      '/lxc.payload.$(reboot)',
      '/lxc',
    ];
    for (const group of [
      ...groups,
      '/user.slice/machine-\\x24\\x28reboot\\x29.scope',
      '/user.slice/machine-$(reboot).scope',
    ])
      expect(ask(on, group).kind).not.toBe('container');
  });

  test('the one that the scan itself runs in is left out', () => {
    using place = temporaryDirectory();
    const inside = host(place, 'systemd', `0::/docker/${ID}/init.scope\n`);
    expect(ask(inside, `/docker/${ID}/system.slice/nginx.service`).advice).toBe('systemctl restart nginx.service');
    const bare = host(place, 'tini', `1:name=systemd:/docker/${ID}\n`);
    expect(ask(bare, `1:name=systemd:/docker/${ID}\n`).kind).toBe('process');
  });
});

describe('without systemd', () => {
  test('OpenRC’s services are known by their groups', () => {
    using place = temporaryDirectory();
    const expected = ['openrc', 'nginx', 'rc-service nginx restart', 'restartable'];
    expectAll(host(place, 'init', '0::/\n'), [
      ['4:cpu:/openrc_nginx\n1:name=openrc:/nginx\n', ...expected],
      ['/openrc.nginx', ...expected],
      ['/openrc/nginx', ...expected],
      ['1:name=openrc:/nginx\n0::/\n', ...expected],
      ['/openrc.dbus', 'openrc', 'dbus', 'reboot (other services lose their bus with dbus)', 'not'],
      [
        '/openrc.display-manager',
        'openrc',
        'display-manager',
        'reboot (desktop sessions end with display-manager)',
        'not',
      ],
      ['1:name=openrc:/3\n', 'session', 'session 3', 'log out session 3', 'not'],
      ['1:name=elogind:/c1\n', 'session', 'session c1', 'log out session c1', 'not'],
      ['/7/session', 'session', 'session 7', 'log out session 7', 'not'],
      ['/openrc.$(reboot)', 'process', 'nginx', 'end and start again: nginx', 'not'],
      ['/system.slice/x.service', 'process', 'nginx', 'end and start again: nginx', 'not'],
      // A shell in the group of what let its user in.
      ['/openrc.sshd', 'process', 'nginx', 'end and start again: nginx (it outlives a restart of sshd)', 'not'],
      [
        '/openrc.agetty.tty1',
        'process',
        'nginx',
        'end and start again: nginx (it outlives a restart of agetty.tty1)',
        'not',
      ],
    ]);
    expect(ask(host(place, 'init', '0::/\n'), '/openrc.sshd', { command: ascii('sshd') }).kind).toBe('openrc');
  });

  test('without groups, by what OpenRC wrote down of its daemons', () => {
    using place = temporaryDirectory();
    put(place, {
      'run/openrc/daemons/nginx/001': 'exec=/usr/sbin/nginx\nargv_0=/usr/sbin/nginx\npidfile=/run/nginx.pid\n',
      'run/nginx.pid': '4711\n',
      'run/openrc/daemons/supervised/001': 'exec=/usr/bin/x\npidfile=/run/supervise-supervised.pid\n',
      'run/supervise-supervised.pid': '90',
      'run/openrc/options/supervised/child_pid': '91',
      'run/openrc/daemons/broken/001': 'exec=/usr/bin/x\npidfile=\n',
      'run/openrc/daemons/garbage/001': 'pidfile=/run/garbage.pid\n',
      'run/garbage.pid': 'none',
    });
    const on = host(place, 'openrc-init', '0::/\n');
    const of = (pid: number, parent: number): string => {
      const { kind, name } = ask(on, '/', { pid, parent, command: ascii('x') });
      return `${kind} ${name}`;
    };
    expect([of(4711, 1), of(4800, 4711), of(91, 1), of(92, 90)]).toEqual([
      'openrc nginx',
      'openrc nginx',
      'openrc supervised',
      'openrc supervised',
    ]);
    // A child's child may be anything: a shell that somebody logged in to.
    expect([of(5000, 4800), of(5000, 0)]).toEqual(['process x', 'process x']);
    expect(ask(on, '', { pid: 4711, cgroup: undefined }).kind).toBe('openrc');
  });

  test('where nothing is known, the process itself is named', () => {
    using place = temporaryDirectory();
    const expected = ['process', 'nginx', 'end and start again: nginx', 'not'];
    for (const init of ['busybox', 'runit', 'init', 'tini', 'constructor'])
      expect(said(ask(host(place, init, '0::/\n'), '', { cgroup: undefined }))).toEqual(expected);
  });
});

test('process 1 takes up its new file where it can', () => {
  using place = temporaryDirectory();
  const advice = (init: string): string =>
    said(ask(host(place, init), '/init.scope', { pid: 1 }))
      .slice(1)
      .join(': ');
  expect(advice('systemd')).toBe('systemd: systemctl daemon-reexec: restartable');
  expect(advice('init')).toBe('init: telinit u: restartable');
  expect(advice('openrc-init')).toBe('openrc-init: openrc-shutdown --reexec: restartable');
  for (const init of ['busybox', 'runit', 'sleep', 'constructor'])
    expect(advice(init)).toBe(`${init}: reboot (or start the container again, in one): not`);
});

test('a thread of the kernel wants a reboot', () => {
  using place = temporaryDirectory();
  expect(said(ask(host(place, 'systemd'), '/', { kernelThread: true }))).toEqual(['kernel', 'kernel', 'reboot', 'not']);
});

test('the test host’s own services can be told', () => {
  const on = readHost();
  expect(on.init).not.toBe('');
  expect(serviceOf({ pid: 1, command: ascii('x'), cgroup: undefined }, on).kind).toBe('init');
  expect(ask(on, '/', { pid: process.pid }).name).not.toBe('');
});
