import {
  closeSync,
  copyFileSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { runInNamespace, temporaryDirectory } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { expect, test } from '@jest/globals';
import { holdersOf } from '../../src/index.ts';
import type { Identity } from '../../src/processes/read.ts';
import { CAT, startWaiting } from './children.ts';

const script = new URL('./holders-script.ts', import.meta.url);

function identity(path: string): Identity {
  const { dev, ino } = statSync(path, { bigint: true });
  return { dev: Number(dev), ino };
}

/** The C library of the test's program, as maps has it. */
async function libraryOfCat(): Promise<string> {
  await using cat = await startWaiting(CAT);
  const library = /\/\S*\/libc[.-]\S*/.exec(readFileSync(`/proc/${cat.pid}/maps`, 'utf8'))?.[0];
  if (library === undefined) throw new Error('the test needs a program that is linked dynamically, with glibc');
  return library;
}

/** How each of these files is held, by whom. */
function held(
  ...files: readonly Identity[]
): { readonly pid: number; readonly how: string; readonly file: Identity }[] {
  return holdersOf(files).holders.map(({ pid, how, file }) => ({ pid, how, file }));
}

rootTest(
  'who runs, maps or has open a file is found by what the file is, whatever has become of its name',
  async () => {
    using place = temporaryDirectory();
    const at = (name: string) => place.at(name);
    copyFileSync(CAT, at('program'));
    writeFileSync(at('data'), '');
    copyFileSync(await libraryOfCat(), at('library'));
    const data = openSync(at('data'), 'r');
    const files = [identity(at('program')), identity(at('library')), identity(at('data'))];
    const env = { ...process.env, LD_PRELOAD: at('library') };
    await using cat = await startWaiting(at('program'), [], { env, stdio: ['pipe', 'pipe', 'inherit', data] });
    closeSync(data);
    const { pid } = cat;
    const found = ['exe', 'mapped', 'open'].map((how, i) => ({ pid, how, file: files[i] }));
    expect(held(...files)).toEqual(found);
    expect(holdersOf(files).holders[0]?.command).toBe('program');

    // Renamed and with a second name; replaced; gone. And all three names are of other files now.
    renameSync(at('program'), at('old'));
    linkSync(at('old'), at('second'));
    for (const name of ['program', 'library', 'data']) {
      writeFileSync(at('new'), 'new');
      renameSync(at('new'), at(name));
    }
    expect(held(identity(at('second')))).toEqual(found.slice(0, 1));
    expect(held(...files)).toEqual(found);
    expect(held(identity(at('program')), identity(at('library')), identity(at('data')))).toEqual([]);

    // Another device with the same number; and when it has ended. Others may hold what has got these numbers.
    const byCat = (...others: readonly Identity[]) => held(...others).filter((one) => one.pid === pid);
    expect(byCat(...files.map(({ dev, ino }) => ({ dev: dev + 1, ino })))).toEqual([]);
    await cat.finish();
    expect(byCat(...files)).toEqual([]);
  },
);

test('what this process has open itself is found', () => {
  using place = temporaryDirectory();
  const fd = openSync(place.at('file'), 'w');
  expect(held(identity(place.at('file')))).toEqual([
    { pid: process.pid, how: 'open', file: identity(place.at('file')) },
  ]);
  closeSync(fd);
  expect(held(identity(place.at('file')))).toEqual([]);
});

rootTest(
  'without privilege holders are missed, and so many processes are said to be unread; a zombie is none of them',
  async () => {
    // The script itself, the holder, and the parent of the zombie.
    expect(JSON.parse(await runInNamespace(script, ['unprivileged']))).toEqual({ found: 0, unread: 3, hidden: false });
    expect(JSON.parse(await runInNamespace(script, ['hidepid=noaccess']))).toEqual({
      found: 0,
      unread: 3,
      hidden: false,
    });
  },
);

rootTest('where /proc hides processes that is said, but not to who may see all', async () => {
  const hidden = { found: 0, hidden: true };
  expect(JSON.parse(await runInNamespace(script, ['hidepid=invisible']))).toMatchObject(hidden);
  expect(JSON.parse(await runInNamespace(script, ['hidepid=ptraceable']))).toMatchObject(hidden);
  const asRoot = JSON.parse(await runInNamespace(script, ['hidepid=invisible root']));
  expect(asRoot).toEqual({ found: 1, unread: 0, hidden: false });
});

rootTest('without a /proc of this PID namespace nobody is called free of holders', async () => {
  expect(JSON.parse(await runInNamespace(script, ['not-mounted']))).toEqual({ reason: 'not-mounted' });
  expect(JSON.parse(await runInNamespace(script, ['foreign']))).toEqual({ reason: 'foreign' });
});
