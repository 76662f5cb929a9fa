/** After a merge over running programs the scan names those that it replaced, whichever strategy; and a leak when there is one. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeLoopFs, type TemporaryDirectory, temporaryDirectory, unmount } from '@emplace/fixtures';
import { isRoot, rootTest, testWith } from '@emplace/fixtures/jest';
import { type ScannedProcess, scan } from '@emplace/fsprobe';
import { mergeSync } from '@emplace/merge-core';
import { AT_FDCWD, RENAME_EXCHANGE, renameat2, toBytes } from '@emplace/syscalls';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { CAT, startWaiting, type Waiting } from '../../packages/fsprobe/test/processes/children.ts';
import { aged } from '../../packages/fsprobe/test/stale/zoo.ts';

const IMAGE = 'portage/app-misc/it-1/image';
const NEW = Buffer.from('new');
const STRATEGIES = ['rename', 'double-rename', 'hardlink', 'reflink', 'copy'];
const emplace = fileURLToPath(new URL('../../emplace', import.meta.url));

function run(...words: string[]): string {
  return execFileSync(emplace, words, { encoding: 'utf8' });
}

describe('programs that run while their package is merged', () => {
  let place: TemporaryDirectory;
  let rounds = 0;
  beforeAll(() => {
    if (!isRoot) return;
    place = temporaryDirectory();
    // It can make reflinks too.
    makeLoopFs('btrfs', 512, place.at('disk'));
  });
  afterAll(() => {
    if (!isRoot) return;
    unmount(place.at('disk'));
    place[Symbol.dispose]();
  });

  /** A root with three programs, and an image of two of them. */
  function trees(): { at: (path: string) => string; image: string; root: string } {
    const top = place.at(`disk/${rounds++}`);
    const at = (path: string): string => `${top}/${path}`;
    const [image, root] = [at(IMAGE), at('root')];
    for (const dir of [image, root]) mkdirSync(`${dir}/bin`, { recursive: true });
    for (const name of ['one', 'two', 'three']) copyFileSync(CAT, `${root}/bin/${name}`);
    // Another content: a file that is the same already is not replaced.
    for (const name of ['one', 'two'])
      writeFileSync(`${image}/bin/${name}`, Buffer.concat([readFileSync(CAT), NEW]), { mode: 0o755 });
    return { at, image, root };
  }

  function scanned(...programs: readonly Waiting[]): readonly ScannedProcess[] {
    const { processes, counts } = scan({ pids: programs.map(({ pid }) => pid), owners: [] });
    expect(counts).toMatchObject({ processes: programs.length, unread: 0 });
    return processes;
  }

  for (const strategy of STRATEGIES) {
    rootTest(`${strategy}: exactly those that were replaced are named, and nothing of the image is shown`, async () => {
      const { image, root } = trees();
      await using one = await startWaiting(`${root}/bin/one`);
      await using two = await startWaiting(`${root}/bin/two`);
      await using three = await startWaiting(`${root}/bin/three`);
      expect(scanned(one, two, three)).toEqual([]);
      await aged();
      mergeSync({ image, root, strategy });
      const found = [one, two].map(({ pid }, i) => ({
        pid,
        place: 'host',
        findings: [
          { class: 'replaced-executable', confidence: 'high', leaks: false, path: `${root}/bin/${['one', 'two'][i]}` },
        ],
      }));
      expect(scanned(one, two, three)).toMatchObject(found.sort((a, b) => a.pid - b.pid));
      await using fresh = await startWaiting(`${root}/bin/one`);
      expect(scanned(fresh)).toEqual([]);
    });
  }

  for (const strategy of STRATEGIES) {
    testWith(
      { root: true, tools: ['gcc', 'chroot'] },
      `${strategy}: after \`emplace merge\` \`emplace scan\` names the package that the replaced program is of`,
      async () => {
        const top = place.at(`disk/packaged-${strategy}`);
        const [image, root] = [`${top}/image`, `${top}/root`];
        const [vdb, buildInfo] = [`${root}/var/db/pkg`, `${top}/build-info`];
        for (const dir of [`${root}/bin`, `${root}/var/cache/edb`, `${image}/bin`, vdb, buildInfo])
          mkdirSync(dir, { recursive: true });
        for (const [name, value] of Object.entries({ SLOT: '0', EAPI: '8' }))
          writeFileSync(`${buildInfo}/${name}`, `${value}\n`);
        const merge = (name: string): string =>
          run(
            ...['merge', image, '--root', root, '--strategy', strategy, '--progress', 'none'],
            ...['--vdb', vdb, '--build-info', buildInfo, '--package', name],
          );
        const source = fileURLToPath(new URL('../../packages/fsprobe/test/stale/programs.c', import.meta.url));
        execFileSync('gcc', ['-pthread', '-static', '-o', `${image}/bin/one`, source]);
        const program = Buffer.concat([readFileSync(`${image}/bin/one`), NEW]);
        merge('app-misc/one-1');
        await using one = await startWaiting('chroot', [root, '/bin/one']);
        mkdirSync(`${image}/bin`, { recursive: true });
        writeFileSync(`${image}/bin/one`, program, { mode: 0o755 });
        merge('app-misc/one-2');
        expect(JSON.parse(run('scan', '--pid', `${one.pid}`, '--json'))).toMatchObject({
          processes: [
            {
              place: 'chroot',
              findings: [{ class: 'replaced-executable', path: '/bin/one', owners: ['app-misc/one-2'] }],
            },
          ],
        });
      },
    );
  }

  rootTest('a merge by exchange, which leaks, is noticed as one', async () => {
    const { image, root } = trees();
    await using one = await startWaiting(`${root}/bin/one`);
    await aged();
    renameat2(AT_FDCWD, toBytes(`${image}/bin/one`), AT_FDCWD, toBytes(`${root}/bin/one`), RENAME_EXCHANGE);
    expect(scanned(one)).toMatchObject([
      { pid: one.pid, findings: [{ class: 'image-path', leaks: true, shown: `${image}/bin/one`, path: '/bin/one' }] },
    ]);
  });
});
