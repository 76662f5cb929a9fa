/** `emplace probe`, and merges into file systems that are served by a process of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  bindMount,
  directory,
  file,
  mountTmpfs,
  snapshotTree,
  symlink,
  temporaryDirectory,
  unmount,
  writeTree,
} from '@emplace/fixtures';
import { type FuseMount, type FuseRule, LIKE_VFAT, mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';

const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));
const HOLD: FuseRule[] = (['RENAME', 'RENAME2'] as const).map((operation) => ({ operation, path: '', answer: 'hold' }));

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Not spawnSync: the file system that it works on may be served by this process's child, whose messages must be read. */
async function run(args: readonly string[]): Promise<Ran> {
  const child: ChildProcess = spawn(emplace, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => text(stream as NonNullable<typeof stream>));
  const [status] = (await once(child, 'exit')) as [number | null];
  return { status, stdout: (await stdout) ?? '', stderr: (await stderr) ?? '' };
}

async function runJson(args: readonly string[]): Promise<{ status: number | null; json: Record<string, unknown> }> {
  const { status, stdout } = await run([...args, '--json']);
  return { status, json: JSON.parse(stdout) as Record<string, unknown> };
}

/** Whoever still has something to do with a path is named by it in its arguments. */
function processesWith(needle: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(needle) && !command.includes('server.ts'));
}

describe('emplace probe', () => {
  test('tells facts, strategies and the choice as one object, and leaves nothing', async () => {
    using work = temporaryDirectory();
    const [source, target] = [work.make('source'), work.make('target')];
    const before = snapshotTree(work.path);
    const { status, json } = await runJson(['probe', source, target, '--rename-shapes', '--leaks']);
    expect(status).toBe(0);
    expect(json).toMatchObject({
      facts: { rename: { answer: 'yes' }, exchange: { answer: 'yes' }, cleanRename: { answer: 'yes' } },
      choice: { data: 'rename', programs: 'rename' },
      shapes: { sibling: { verdict: 'ok' }, nested: { verdict: 'ok' } },
      left: [],
      leaks: { judged: true, control: { verdict: 'leaks' } },
    });
    const { ways } = json.leaks as { ways: { name: string; verdict: string }[] };
    expect(ways).toContainEqual(expect.objectContaining({ name: 'rename', verdict: 'clean' }));
    expect(snapshotTree(work.path)).toEqual(before);
  });

  rootTest('says of another mount that only a copy goes there, though the device is the same', async () => {
    using work = temporaryDirectory();
    mountTmpfs(work.make('disk'));
    for (const name of ['disk/a', 'disk/b', 'bound']) work.make(name);
    bindMount(work.at('disk/b'), work.at('bound'));
    const { stdout } = await run(['probe', work.at('disk/a'), work.at('bound')]);
    for (const name of ['bound', 'disk']) unmount(work.at(name));
    expect(stdout).toMatch(/^rename +no: EXDEV$/m);
    expect(stdout).toMatch(/^`auto` takes `copy`, the cheapest that works$/m);
  });

  test.each([
    ['no such path', ['/no/such/path', '/']],
    ['not a directory', ['/etc/passwd', '/']],
  ])('refuses with 2: %s', async (_, paths) => {
    const { status, json } = await runJson(['probe', ...paths]);
    expect(status).toBe(2);
    expect(json).toMatchObject({ error: { code: 'DIRECTORY_UNUSABLE', hint: expect.stringMatching(/^Pass /) } });
  });
});

describe('a file system whose rename never answers (G10)', () => {
  async function inHanging(act: (fuse: FuseMount, work: ReturnType<typeof temporaryDirectory>) => Promise<void>) {
    using work = temporaryDirectory();
    await using fuse = await mountFuse(work.at('served'), { rules: HOLD });
    await act(fuse, work);
    await fuse.abort();
  }

  rootTest('is told by all six shapes, within the time limit, and nothing stays when it is gone', async () => {
    let served = '';
    await inHanging(async (fuse) => {
      served = fuse.path;
      const { status, json } = await runJson(['probe', fuse.path, fuse.path, '--rename-shapes', '--timeout', '300']);
      expect(status).toBe(0);
      const shapes = Object.values(json.shapes as Record<string, { verdict: string }>);
      expect(shapes.map(({ verdict }) => verdict)).toEqual(Array(6).fill('hung'));
      expect(json.choice).toEqual({});
    });
    expect(processesWith(served)).toEqual([]);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(served);
  });

  rootTest('is refused as a root, and nothing is written there', async () => {
    await inHanging(async (fuse, work) => {
      writeTree(work.make('image'), [file('a', 'a')]);
      const { status, json } = await runJson(['merge', work.at('image'), '--root', fuse.path]);
      expect({ status, json }).toMatchObject({
        status: 3,
        json: { outcome: 'refused', error: { code: 'RENAME_HANGS' } },
      });
      expect(readdirSync(work.at('image'))).toEqual(['a']);
    });
  });

  rootTest('is found out below a root that answers, before anything is staged', async () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [file('served/new', 'new'), file('own', 'own')]);
    work.make('root');
    await using fuse = await mountFuse(work.at('root/served'), { rules: HOLD });
    const { status, json } = await runJson(['merge', work.at('image'), '--root', work.at('root')]);
    expect({ status, json }).toMatchObject({
      status: 4,
      json: { outcome: 'rolled-back', error: { code: 'RENAME_HANGS' } },
    });
    expect(readdirSync(work.at('root'))).toEqual(['served']);
    await fuse.abort();
  });
});

describe('a file system like vfat', () => {
  const tree = [
    directory('boot'),
    file('boot/kernel', 'kernel', { mode: 0o644 }),
    file('boot/initrd', 'initrd', { mode: 0o755, mtime: { sec: 1_500_000_000, nsec: 0 } }),
  ];

  rootTest('refuses with every entry that would lose something, and takes what may be lost', async () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), tree);
    work.make('root');
    await using fuse = await mountFuse(work.at('root/boot'), { traits: LIKE_VFAT });
    const merge = ['merge', work.at('image'), '--root', work.at('root')];
    const refused = await runJson(merge);
    expect(refused.status).toBe(3);
    const { error } = refused.json as { error: { code: string; problems: { message: string }[] } };
    expect(error.code).toBe('CANNOT_CARRY');
    expect(error.problems.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^`boot\/kernel` would lose its mode 0644, its time to the (?:nano)?second$/),
    );
    expect(readdirSync(fuse.path)).toEqual([]);
    const merged = await runJson([...merge, '--lossy', 'mode,time,owner']);
    expect(merged.json).toMatchObject({
      outcome: 'merged',
      lost: expect.arrayContaining([{ path: 'boot/kernel', what: ['mode', 'time'] }]),
    });
    expect(readdirSync(join(work.at('root'), 'boot')).sort()).toEqual(['initrd', 'kernel']);
  });

  rootTest('refuses a symlink and a name that it cannot hold, whatever may be lost', async () => {
    using work = temporaryDirectory();
    writeTree(work.make('image'), [directory('boot'), symlink('boot/link', 'x'), file('boot/a:b', 'x')]);
    work.make('root');
    await using fuse = await mountFuse(work.at('root/boot'), { traits: LIKE_VFAT });
    const lossy = 'owner,mode,xattr,time,hardlink';
    const { json } = await runJson(['merge', work.at('image'), '--root', work.at('root'), '--lossy', lossy]);
    const { problems } = (json as { error: { problems: { message: string }[] } }).error;
    expect(problems.map(({ message }) => message).sort()).toEqual([
      '`boot/a:b` would lose its name',
      '`boot/link` would lose being a symlink',
    ]);
    expect(readdirSync(fuse.path)).toEqual([]);
  });
});
