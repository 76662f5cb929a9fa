/** Real bytes of each format, as the kernel, Portage or Emplace itself writes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stopAfter } from '@emplace/fixtures/faults';
import { mergeSync, parsePackageName } from '@emplace/merge-core';
import { ascii, type Bytes, show } from '@emplace/syscalls';
import { formatContents } from '../../../packages/merge-core/src/ledger/contents.ts';
import { Builder } from '../../../packages/merge-core/src/ledger/owners/builder.ts';
import { encode } from '../../../packages/merge-core/src/ledger/owners/format.ts';
import { formatRecord } from '../../../packages/merge-core/src/ledger/record.ts';
import { newTree, oldTree, swapsNew, swapsOld, world } from '../../../packages/merge-core/test/engine/world.ts';

function text(...lines: string[]): Buffer {
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1');
}

const captured = fileURLToPath(new URL('../../../fixtures/mountinfo/', import.meta.url));

export function mountinfos(): Buffer[] {
  const files = readdirSync(captured, { withFileTypes: true }).filter((entry) => entry.isFile());
  return [...files.map(({ name }) => readFileSync(captured + name)), readFileSync('/proc/self/mountinfo')];
}

export const cgroups = (): Buffer[] => [
  readFileSync('/proc/self/cgroup'),
  text('0::/system.slice/docker-4f5c.scope/init.scope'),
  text(
    '12:pids:/user.slice/user-1000.slice/session-3.scope',
    '1:name=openrc:/sshd',
    '0::/user.slice',
    '2:cpu,cpuacct:/a b\\x2dc',
  ),
];

/** The journal of a merge, stopped at several calls of it. */
export function journals(): Buffer[] {
  const found: Buffer[] = [];
  for (let calls = 100; calls < 3_000 && found.length < 6; calls += 50) {
    const fs = world([...oldTree, ...swapsOld], [...newTree, ...swapsNew]);
    try {
      mergeSync({
        image: '/image',
        root: '/root',
        replaceTypes: true,
        exclude: ['left-out'],
        fs: stopAfter(fs, calls),
      });
    } catch {
      // As it must: it was stopped.
    }
    fs.crash();
    const root = fs.openRoot(ascii('/root'));
    if (fs.stat(root, ascii('.emplace')) === undefined) continue;
    const state = fs.openDir(root, ascii('.emplace'));
    if (fs.stat(state, ascii('journal')) === undefined) continue;
    const file = fs.openFile(state, ascii('journal'));
    const buffer = Buffer.alloc(1 << 20);
    found.push(Buffer.from(buffer.subarray(0, fs.read(file, buffer))));
  }
  if (found.length === 0) throw new Error('no merge left a journal');
  return found;
}

const md5 = 'd41d8cd98f00b204e9800998ecf8427e';

export const contents = (): Buffer[] => [
  formatContents([
    { type: 'dir', path: ascii('usr') },
    { type: 'obj', path: ascii('usr/a file (1)'), md5, mtime: 1_500_000_000 },
    { type: 'sym', path: ascii('usr/link'), target: ascii('a file (1)'), mtime: 1_500_000_000 },
    { type: 'fif', path: ascii('run/\xff') },
    { type: 'dev', path: ascii('dev/null') },
  ]),
  text(`sym /lib -> usr/lib (33188, 1L, 2L, 1, 0, 0, 7, 1, 1500000000, 3)`),
];

export const records = (): Buffer[] => [
  formatRecord([
    { path: ascii('usr'), type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: { sec: 1, nsec: 2 } },
    {
      ...{ path: ascii('usr/x'), type: 'file', mode: 0o4755, uid: 7, gid: 8, mtime: { sec: 1, nsec: 2 } },
      ...{ size: 7, digests: { md5 }, xattrs: { 'user.a': 'base64:MQ==' } },
    },
    {
      path: ascii('usr/l'),
      type: 'symlink',
      mode: 0o777,
      uid: 0,
      gid: 0,
      mtime: { sec: 1, nsec: 2 },
      target: ascii('x'),
    },
    { path: ascii('dev/n'), type: 'char', mode: 0o666, uid: 0, gid: 0, mtime: { sec: 1, nsec: 2 }, rdev: 259 },
  ]),
];

export function ownerIndexes(): Buffer[] {
  const builder = new Builder();
  const paths = ['usr', 'usr/bin/x', 'usr/lib/libx.so.1', 'etc/\xff conf'];
  for (const pack of [0, 1]) for (const path of paths) builder.add(pack, `${path}${pack}` as Bytes, path === 'usr');
  const packages = ['app-misc/a-1', 'dev-libs/b-2-r1'].map((name) => ({ name: parsePackageName(name), stamp: '1' }));
  return [Buffer.concat(encode(builder.finish(packages)))];
}

export const configMemories = (): Buffer[] => [text(`/etc/conf ${md5}`, `/etc/a file ${md5}`)];

export const registries = (): Buffer[] => [
  text(
    '{',
    '\t"dev-libs/x:0": [',
    '\t\t"dev-libs/x-1",',
    '\t\t"17",',
    '\t\t["/usr/lib/libx.so.1", "/lib/a"]',
    '\t]',
    '}',
  ),
];

export const needed = (): Buffer[] => [
  text(
    'X86_64;/usr/bin/x;;/usr/lib:$ORIGIN/../lib;libc.so.6,libx.so.1;x86_64',
    'X86_64;/usr/lib/libx.so.1;libx.so.1;;;',
  ),
];

export const makeConfs = (): Buffer[] => [
  text(
    '# settings',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is a shell's
    'CFLAGS="-O2 -pipe ${MORE}"',
    "export PORTDIR='/var db'",
    'MAKEOPTS="-j$(nproc)"',
    'A=b\\',
    'c',
    'source /etc/x',
  ),
];

export const requests = (): Buffer[] => [
  Buffer.from(
    JSON.stringify({
      ...{ version: 1, operation: 'merge', image: '/image', root: { base64: 'L3Jvb3Q=' }, strategy: 'auto' },
      ...{ exclude: ['*.la'], ledger: { vdb: '/root/var/db/pkg', package: 'app-misc/a-1' } },
      hooks: ['pre-commit=true'],
    }),
  ),
  Buffer.from(JSON.stringify({ version: 1, operation: 'unmerge', root: '/', ledger: { contents: '/x' } })),
];

export const hookDefinitions = (): Buffer[] => [
  text(
    ...[
      '# fonts',
      '[Trigger]',
      'Type = Path',
      'Operation = Install',
      'Operation = Upgrade',
      'Target = usr/share/fonts/*',
    ],
    ...['Target = !usr/share/fonts/[a-z]?\\*', '[Action]', 'Description = Updating', 'When = PostTransaction'],
    ...['Exec = /usr/bin/fc-cache -s "a b" c\\ d', 'NeedsTargets'],
  ),
];

export const commands = (): Buffer[] => [text('/bin/sh -c "echo \\"a b\\"" \'x y\' z\\ w')];

export const globs = (): Buffer[] => [
  text('usr/*/[a-z]?[!x]*.so*'),
  text('*a*b'),
  text('*a*a*a*a*a*a*a*c'),
  text('[[:alpha:]]]-[^]]\\*'),
];

export const packageNames = (): Buffer[] =>
  ['app-misc/a-1.2.3b_rc4-r5', 'x11-libs/gtk+-3.24', 'a/b'].map((name) => Buffer.from(name));

export const moverMessages = (): Buffer[] => [
  Buffer.from(JSON.stringify({ say: 'ready', protocol: 2, versions: {}, root: { dev: 1, ino: '2' } })),
  Buffer.from(JSON.stringify({ say: 'event', event: { type: 'phase', phase: 'stage' } })),
  Buffer.from(
    JSON.stringify({ say: 'failed', error: { code: 'LOCKED', message: 'x', problems: [{ path: show(ascii('a')) }] } }),
  ),
];
