import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bindMount, mountTmpfs, type TemporaryDirectory, temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { beforeAll, describe, expect, test } from '@jest/globals';

const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));

function run(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(emplace, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A tmpfs at `top`, unmounted at the end with all that is mounted in it. */
function scene(): TemporaryDirectory {
  const place = temporaryDirectory();
  mountTmpfs(place.at('top'));
  const dispose = (): void => {
    execFileSync('umount', ['-l', place.at('top')]);
    place[Symbol.dispose]();
  };
  return { ...place, [Symbol.dispose]: dispose };
}

beforeAll(() => {
  // The first start of a checkout installs and builds.
  expect(run(['--version']).status).toBe(0);
}, 300_000);

describe('emplace mounts', () => {
  rootTest('draws a tree of what is mounted where, and says what a merge would cross', () => {
    using work = scene();
    for (const name of ['top/store/pkg', 'top/bind']) work.make(name);
    for (const name of ['top/store/hosts', 'top/etc-hosts']) writeFileSync(work.at(name), '');
    bindMount(work.at('top/store/pkg'), work.at('top/bind'), { readOnly: true });
    bindMount(work.at('top/store/hosts'), work.at('top/etc-hosts'));
    writeFileSync(work.at('top/fixed'), '');
    bindMount(work.at('top/store/hosts'), work.at('top/fixed'), { readOnly: true });
    mountTmpfs(work.at('top/fs'), 'noexec,nosuid');
    mountTmpfs(work.at('top/fs/old'));
    mountTmpfs(work.at('top/fs/old'));
    mountTmpfs(work.at('top/fs/old/a/b'));
    const { status, stdout } = run(['mounts', work.at('top')]);
    expect(status).toBe(0);
    const top = realpathSync(work.at('top'));
    const pad = ' '.repeat(top.length - '├─ etc-hosts'.length);
    const short = (label: string): string => label.padEnd('├─ etc-hosts'.length);
    expect(stdout.split('\n')).toEqual([
      `${top}  tmpfs on \`emplace-test\``,
      `${short('├─ bind')}${pad}  bind mount of \`/store/pkg\` of tmpfs on \`emplace-test\`, ro`,
      `${short('├─ etc-hosts')}${pad}  bind mount of \`/store/hosts\` of tmpfs on \`emplace-test\` (a file)`,
      `${short('├─ fixed')}${pad}  bind mount of \`/store/hosts\` of tmpfs on \`emplace-test\` (a file), ro`,
      `${short('└─ fs')}${pad}  tmpfs on \`emplace-test\`, noexec, nosuid`,
      `${short('   ├─ old')}${pad}  tmpfs on \`emplace-test\`, hidden by another mount`,
      `${short('   └─ old')}${pad}  tmpfs on \`emplace-test\``,
      `${short('      └─ a/b')}${pad}  tmpfs on \`emplace-test\``,
      '',
      `a merge into \`${top}\` would cross 6 boundaries, wherever it has entries beyond:`,
      '  rename, double-rename and hardlink work only from an image on the same side: across, the kernel gives EXDEV',
      '  `auto` takes reflink where both sides are one file system that can, else copy',
      '  `etc-hosts`: cannot be replaced (EBUSY), written through with `--busy in-place`',
      '  `fixed`: cannot be replaced (EBUSY) or written to (read-only), refused',
      '  `bind`: read-only, refused',
      '',
    ]);
    const { stdout: inside } = run(['mounts', work.at('top/store')]);
    expect(inside).toBe(
      `${top}/store  on tmpfs on \`emplace-test\`\n\na merge into \`${top}/store\` would cross no boundary\n`,
    );
  });

  rootTest('says of each strategy what then happens', () => {
    using work = scene();
    mountTmpfs(work.at('top/root/beyond'));
    mkdirSync(work.at('top/image/beyond'), { recursive: true });
    writeFileSync(work.at('top/image/beyond/file'), 'new');
    const merge = ['merge', work.at('top/image'), '--root', work.at('top/root')];
    for (const name of ['rename', 'double-rename', 'hardlink']) {
      const { status, stderr } = run([...merge, '--strategy', name]);
      expect({ status, stderr }).toEqual({ status: 3, stderr: expect.stringMatching(/EXDEV.*STRATEGY_IMPOSSIBLE/s) });
    }
    expect(readdirSync(work.at('top/root/beyond'))).toEqual([]);
    expect(run(merge).status).toBe(0);
    expect(readFileSync(work.at('top/root/beyond/file'), 'utf8')).toBe('new');
  });

  rootTest('cannot be made to write escape sequences or forged lines by a name', () => {
    using work = scene();
    mountTmpfs(work.at('top/a\x1b[2Jb\n/ ext4'));
    const { stdout } = run(['mounts', work.at('top')]);
    expect(stdout).toMatch(/^└─ a\\x1b\[2Jb\\x0a\/ ext4 +tmpfs/m);
    expect(stdout).not.toContain('\x1b');
    expect(stdout.split('\n').filter((line) => line.startsWith('/'))).toHaveLength(1);
    const json = JSON.parse(run(['mounts', work.at('top'), '--json']).stdout) as { boundaries: { path: string }[] };
    expect(json.boundaries.map(({ path }) => path)).toEqual(['', 'a\\x1b[2Jb\\x0a/ ext4']);
  });

  rootTest('prints one JSON object for programs', () => {
    using work = scene();
    mountTmpfs(work.at('top/fs'), 'nodev');
    const { status, stdout } = run(['mounts', work.at('top'), '--json']);
    const top = realpathSync(work.at('top'));
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      root: top,
      enclosing: { point: top, type: 'tmpfs', source: 'emplace-test' },
      boundaries: [
        { path: '', kind: 'mount', reach: 'open' },
        {
          path: 'fs',
          kind: 'mount',
          shows: 'all',
          entry: 'directory',
          noDev: true,
          mount: { point: `${top}/fs`, root: '/' },
        },
      ],
      unread: [],
      unparsed: [],
    });
  });

  test('shows the whole tree when no directory is named', () => {
    const { status, stdout } = run(['mounts']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\/ +\S/);
  });

  test('refuses what is not a directory with exit code 2, and words that it does not know too', () => {
    using work = temporaryDirectory();
    writeFileSync(work.at('file'), '');
    for (const [name, errno] of [
      ['absent', 'ENOENT'],
      ['file', 'ENOTDIR'],
    ] as const) {
      const { status, stdout } = run(['mounts', work.at(name), '--json']);
      const message = `\`${work.at(name)}\` cannot be opened as a directory (${errno})`;
      expect(JSON.parse(stdout)).toMatchObject({ outcome: 'refused', error: { code: 'DIRECTORY_UNUSABLE', message } });
      expect(status).toBe(2);
    }
    expect(run(['mounts', '/', '/usr']).status).toBe(2);
    expect(run(['mounts', '--root', '/']).status).toBe(2);
  });

  rootTest('says that there is no list of mounts rather than show an empty one', () => {
    const script = 'mount -t tmpfs none /proc && exec "$0" mounts --json';
    const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', script, emplace];
    const { status, stdout } = spawnSync('unshare', unshare, { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'MOUNTS_UNREADABLE', message: expect.stringContaining('`/proc` is not mounted') },
    });
    expect(status).toBe(3);
  });
});
