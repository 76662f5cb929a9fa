/** Mounts that hide, pin and lose files; roots and mount namespaces that are not ours. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bindMount, mountTmpfs, runInNamespace, type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { expect } from '@jest/globals';
import { scan } from '../../src/index.ts';
import type { OwnerFinder, ScannedProcess } from '../../src/stale/model.ts';
import { CAT, startWaiting, type Waiting } from '../processes/children.ts';
import { classes, findings } from './zoo.ts';

const GCC = { root: true, tools: ['gcc', 'unshare', 'nsenter'] };

/** A tmpfs to mount in; all is gone with it. */
function scene(): TemporaryDirectory {
  const place = temporaryDirectory();
  const top = place.make('top');
  mountTmpfs(top);
  const at = (name: string): string => `${top}/${name}`;
  const make = (name: string): string => place.make(`top/${name}`);
  const dispose = (): void => {
    execFileSync('umount', ['-l', top]);
    place[Symbol.dispose]();
  };
  return { path: top, at, make, [Symbol.dispose]: dispose };
}

/** A program that needs no library: for roots that have none. */
function compile(path: string): void {
  const source = fileURLToPath(new URL('programs.c', import.meta.url));
  execFileSync('gcc', ['-Wall', '-pthread', '-static', '-o', path, source]);
}

function scanned({ pid }: Waiting): ScannedProcess | undefined {
  return scan({ pids: [pid], owners: [] }).processes[0];
}

rootTest('a program on a file system that was unmounted lazily is not taken for deleted', async () => {
  using place = scene();
  mountTmpfs(place.at('gone'));
  copyFileSync(CAT, place.at('gone/program'));
  await using program = await startWaiting(place.at('gone/program'));
  execFileSync('umount', ['-l', place.at('gone')]);
  expect(classes(program)).toEqual([]);
  expect(classes(program, { benign: true })).toEqual(['benign exe']);
});

rootTest('a program below another mount is not taken for replaced by what is seen there', async () => {
  using place = scene();
  copyFileSync(CAT, `${place.make('bin')}/program`);
  await using program = await startWaiting(place.at('bin/program'));
  mountTmpfs(place.at('bin'));
  expect(classes(program)).toEqual([]);
  copyFileSync(CAT, place.at('bin/program'));
  expect(classes(program)).toEqual([]);
  expect(classes(program, { benign: true })).toEqual(['benign exe']);
});

rootTest('a file that a mount keeps is told apart: a restart does not help', async () => {
  using place = scene();
  copyFileSync(CAT, place.at('source'));
  copyFileSync(CAT, place.at('new'));
  writeFileSync(place.at('target'), '');
  bindMount(place.at('source'), place.at('target'));
  await using before = await startWaiting(place.at('target'));
  expect(classes(before)).toEqual([]);
  renameSync(place.at('new'), place.at('source'));
  await using after = await startWaiting(place.at('target'));
  for (const program of [before, after]) {
    expect(findings(program)).toMatchObject([{ class: 'pinned-by-mount', path: place.at('target') }]);
  }
});

testWith(GCC, 'a chrooted program is compared with what its root has at that path, not with ours', async () => {
  using place = scene();
  const path = place.at('program');
  const inside = place.at(`root${path}`);
  mkdirSync(place.at(`root${place.path}`), { recursive: true });
  compile(path);
  copyFileSync(path, inside);
  copyFileSync(path, place.at('new'));
  await using program = await startWaiting('chroot', [place.at('root'), path]);
  expect(scanned(program)).toBeUndefined();
  unlinkSync(path);
  expect(scanned(program)).toBeUndefined();
  renameSync(place.at('new'), inside);
  expect(scanned(program)).toMatchObject({
    place: 'chroot',
    root: `/proc/${program.pid}/root`,
    findings: [{ class: 'replaced-executable', shown: `${inside} (deleted)`, path }],
  });
});

testWith(GCC, 'a chroot that is gone is a deleted root', async () => {
  using place = scene();
  compile(`${place.make('root')}/program`);
  await using program = await startWaiting('chroot', [place.at('root'), '/program']);
  execFileSync('rm', ['-r', place.at('root')]);
  expect(classes(program).sort()).toEqual(['deleted exe', 'deleted-directory cwd', 'deleted-directory root']);
});

testWith(GCC, 'in another mount namespace and root, what lies there decides', async () => {
  using place = scene();
  const root = place.make('root');
  compile(place.at('program'));
  const enter = `mount -t tmpfs container ${root} && cp ${place.at('program')} ${root}/program && exec chroot ${root} /program`;
  await using program = await startWaiting('unshare', ['-m', '--propagation', 'private', 'sh', '-c', enter]);
  expect(scanned(program)).toBeUndefined();
  // Where we look there is nothing, or another one.
  copyFileSync(place.at('program'), `${root}/program`);
  expect(scanned(program)).toBeUndefined();
  // A symlink of theirs must not lead to a file of ours.
  const replace = `cp /proc/${program.pid}/root/program /proc/${program.pid}/root/new && mv /proc/${program.pid}/root/new /proc/${program.pid}/root/program`;
  execFileSync('sh', ['-c', replace]);
  expect(scanned(program)).toMatchObject({
    place: 'container',
    root: `/proc/${program.pid}/root`,
    findings: [{ class: 'replaced-executable', path: '/program' }],
  });
  execFileSync('ln', ['-sf', place.at('program'), `/proc/${program.pid}/root/program`]);
  expect(scanned(program)?.findings).toMatchObject([{ class: 'deleted', path: '/program' }]);
});

rootTest('a service with mounts of its own is no container, and its files are those that it sees', async () => {
  using place = scene();
  const own = place.make('own');
  const enter = `mount -t tmpfs private ${own} && cp ${CAT} ${own}/program && exec ${own}/program`;
  await using program = await startWaiting('unshare', ['-m', '--propagation', 'private', 'sh', '-c', enter]);
  copyFileSync(CAT, `${own}/program`);
  expect(scanned(program)).toBeUndefined();
  execFileSync('nsenter', [
    '-t',
    String(program.pid),
    '-m',
    'sh',
    '-c',
    `cp ${CAT} ${own}/new && mv ${own}/new ${own}/program`,
  ]);
  expect(scanned(program)).toMatchObject({
    place: 'host',
    root: '/',
    findings: [{ class: 'replaced-executable', path: `${own}/program` }],
  });
});

testWith(
  { root: true, tools: ['/usr/bin/perl'] },
  'a program that left for a namespace of its own is still found by the mounts it came from',
  async () => {
    using place = scene();
    for (const name of ['program', 'new']) copyFileSync(CAT, place.at(name));
    // What was executed before unshare(2) stays on the mounts of before.
    const unshare = process.arch === 'arm64' ? 97 : 272;
    const leave = `syscall(${unshare}, 0x20000) == 0 or die; $| = 1; print scalar <STDIN>; 1 while <STDIN>`;
    copyFileSync('/usr/bin/perl', place.at('program'));
    await using program = await startWaiting(place.at('program'), ['-e', leave]);
    expect(classes(program)).toEqual([]);
    renameSync(place.at('new'), place.at('program'));
    expect(classes(program)).toEqual(['replaced-executable exe']);
  },
);

rootTest('of very many mount namespaces each is looked into, and not all are held open', async () => {
  using place = scene();
  copyFileSync(CAT, place.at('program'));
  const start = `for i in $(seq 80); do unshare -m ${place.at('program')} <&3 & done; echo started; wait`;
  await using shell = await startWaiting('sh', ['-c', `exec 3<&0; read line; ${start}`]);
  const children = readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'utf8');
  const pids = children.trim().split(' ').map(Number);
  while (pids.some((pid) => readlinkSync(`/proc/${pid}/exe`) !== place.at('program'))) await setImmediate();
  let opened = 0;
  const counting: OwnerFinder = {
    name: 'counts descriptors',
    ownersOf: () => {
      opened = readdirSync('/proc/self/fd').length;
      return new Map();
    },
  };
  const before = readdirSync('/proc/self/fd').length;
  unlinkSync(place.at('program'));
  const { processes, counts } = scan({ pids, owners: [counting] });
  expect({ found: processes.length, counts }).toMatchObject({ found: 80, counts: { processes: 80, unread: 0 } });
  expect(opened).toBeLessThan(before + 70);
});

rootTest('a file system that answers nothing any more is not asked', async () => {
  const script = new URL('./silent-server-script.ts', import.meta.url);
  expect(JSON.parse(await runInNamespace(script, [], { timeoutMs: 120_000 }))).toEqual([
    { classes: ['deleted'], unread: 0 },
    { classes: [], unread: 0 },
    { classes: [], unread: 1 },
  ]);
});
