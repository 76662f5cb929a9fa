import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { mountTmpfs, runInNamespace, temporaryDirectory, unmount } from '@emplace/fixtures';
import { mountFuse } from '@emplace/fixtures/fuse';
import { rootTest } from '@emplace/fixtures/jest';
import { toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { type LeakReport, probeLeak, type Way } from '../../src/index.ts';

const script = new URL('./odd-proc-script.ts', import.meta.url);

function each(name: string, replace: (image: string, root: string) => void): Way {
  const files = ['program', 'library', 'data'];
  const all = (image: string, root: string): void => {
    for (const file of files) replace(`${image}/${file}`, `${root}/${file}`);
  };
  return { name, replace: all };
}

/** Clean since Linux 4.17. */
const rename = each('rename', renameSync);
/** Leaks on every kernel. */
const aside = each('aside', (image, root) => {
  renameSync(root, `${root}.old`);
  renameSync(image, root);
});
/** Leaks as the one before, but the leaked name is gone at once. */
const fleeting = each('fleeting', (image, root) => {
  renameSync(root, `${image}.old`);
  renameSync(image, root);
  unlinkSync(`${image}.old`);
});

/** How each way ended, in a word. */
function verdicts({ ways }: LeakReport): Readonly<Record<string, string>> {
  const word = (way: LeakReport['ways'][number]) =>
    way.verdict === 'not-measured' ? `${way.step} ${way.code}` : way.verdict;
  return Object.fromEntries(ways.map((way) => [way.name, word(way)]));
}

const bytes = (path: string | Buffer) => toBytes(path);

/** Of this process, which may have some of Jest's. */
const children = (): string[] => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ');

rootTest('a clean way is clean, a leaking one is shown with the path that leaks, and nothing is left', async () => {
  using place = temporaryDirectory();
  const childrenBefore = children();
  const [source, target] = [place.make('source'), place.make('target')];
  writeFileSync(place.at('target/kept'), '');
  const before = [source, target].map((path) => statSync(path, { bigint: true }).mtimeNs);
  const report = await probeLeak(bytes(source), bytes(target), [rename, aside, fleeting]);
  expect(report).toMatchObject({ judged: true, control: { name: 'exchange', verdict: 'leaks', missed: [] } });
  expect(verdicts(report)).toEqual({ rename: 'clean', aside: 'leaks', fleeting: 'leaks' });
  // Every place tells of every leak: the program in exe, both of what is mapped in maps and map_files, the data in fd.
  for (const { verdict, name, ...rest } of [report.control, ...report.ways.slice(1)]) {
    const leaks = 'leaks' in rest ? rest.leaks : [];
    const spots = leaks.filter(({ when }) => when === 'replaced').map(({ subject, where }) => `${subject} ${where}`);
    expect({ name, verdict, spots: [...new Set(spots)].sort() }).toEqual({
      name,
      verdict: 'leaks',
      spots: ['data fd', 'library map_files', 'library maps', 'program exe', 'program map_files', 'program maps'],
    });
    for (const { shown, expected } of leaks) {
      expect(expected).toMatch(new RegExp(`^${target}/\\.emplace-probe-[^/]+/root/[a-z]+$`));
      expect(shown).toMatch(name === 'aside' ? /\/root\/[a-z]+\.old$/ : new RegExp(`^${source}/.*/image/`));
    }
  }
  // The control's image holds the old files: they are removed with it.
  const later = 'leaks' in report.control ? report.control.leaks.filter(({ when }) => when === 'image-removed') : [];
  expect(later.map(({ shown }) => shown.endsWith(' (deleted)'))).toEqual(Array(6).fill(true));
  expect([readdirSync(source), readdirSync(target)]).toEqual([[], ['kept']]);
  expect([source, target].map((path) => statSync(path, { bigint: true }).mtimeNs)).toEqual(before);
  expect(children().filter((pid) => !childrenBefore.includes(pid))).toEqual([]);
});

const ODD: readonly (readonly [string, Buffer])[] = [
  ['a newline', Buffer.from('a\nb')],
  ['what maps makes of a newline', Buffer.from('a\\012b')],
  ['both of them', Buffer.from('a\nb\\012c')],
  ['spaces', Buffer.from(' a  b ')],
  ['the mark of the kernel', Buffer.from('a (deleted)')],
  ['bytes that are no UTF-8, and an escape sequence', Buffer.from([0xff, 0xc3, 0x1b, 0x5b, 0x41])],
  ['what the dynamic linker reads otherwise', Buffer.from('a:b;c$ORIGIN')],
];

for (const [what, name] of ODD) {
  rootTest(`below a directory named with ${what} the verdicts are the same`, async () => {
    using place = temporaryDirectory();
    const top = Buffer.concat([Buffer.from(`${place.path}/`), name]);
    const [source, target] = [Buffer.concat([top, Buffer.from('/s')]), Buffer.concat([top, Buffer.from('/t')])];
    for (const path of [top, source, target]) mkdirSync(path);
    const report = await probeLeak(bytes(source), bytes(target), [rename, aside]);
    expect(report).toMatchObject({ judged: true, control: { name: 'exchange', verdict: 'leaks' } });
    expect(verdicts(report)).toEqual({ rename: 'clean', aside: 'leaks' });
    expect([...readdirSync(source), ...readdirSync(target)]).toEqual([]);
  });
}

function mounted(at: string, mount: (at: string) => void): Disposable {
  mount(at);
  return { [Symbol.dispose]: () => unmount(at) };
}

rootTest('across mounts the control is made on the target', async () => {
  using place = temporaryDirectory();
  using _disk = mounted(place.make('disk'), (at) => mountTmpfs(at));
  const copies = each('copy', (image, root) => {
    copyFileSync(image, `${root}.new`);
    renameSync(`${root}.new`, root);
  });
  const report = await probeLeak(bytes(place.make('source')), bytes(place.at('disk')), [rename, copies]);
  expect(report).toMatchObject({ judged: true, control: { name: 'exchange-on-target', verdict: 'leaks' } });
  expect(verdicts(report)).toEqual({ rename: 'way EXDEV', copy: 'clean' });
});

rootTest('where names cannot be exchanged the control moves the target aside', async () => {
  using place = temporaryDirectory();
  await using _disk = await mountFuse(place.make('disk'), { traits: { noRenameFlags: true } });
  const [source, target] = [place.make('disk/source'), place.make('disk/target')];
  const report = await probeLeak(bytes(source), bytes(target), [rename, aside]);
  expect(report).toMatchObject({ judged: true, control: { name: 'aside', verdict: 'leaks' } });
  expect(verdicts(report)).toEqual({ rename: 'clean', aside: 'leaks' });
});

rootTest('where programs may not be run nothing is measured', async () => {
  using place = temporaryDirectory();
  using _disk = mounted(place.at('disk'), (at) => mountTmpfs(at, 'noexec'));
  const report = await probeLeak(bytes(place.make('source')), bytes(place.at('disk')), [rename, aside]);
  expect(report.judged).toBe(false);
  expect(verdicts(report)).toEqual({ rename: 'start NOEXEC', aside: 'start NOEXEC' });
  expect(readdirSync(place.at('disk'))).toEqual([]);
});

rootTest('where there is no room nothing is measured', async () => {
  using place = temporaryDirectory();
  using _disk = mounted(place.at('disk'), (at) => mountTmpfs(at, 'size=64k'));
  const report = await probeLeak(bytes(place.make('source')), bytes(place.at('disk')), [rename]);
  expect({ judged: report.judged, ...verdicts(report) }).toEqual({ judged: false, rename: 'prepare ENOSPC' });
  expect(readdirSync(place.at('disk'))).toEqual([]);
});

test('a way that does nothing, or not all, is not clean', async () => {
  using place = temporaryDirectory();
  const [source, target] = [bytes(place.make('source')), bytes(place.make('target'))];
  const nothing = each('nothing', () => {});
  const part: Way = { name: 'part', replace: (image, root) => renameSync(`${image}/program`, `${root}/program`) };
  expect(verdicts(await probeLeak(source, target, [nothing, part]))).toEqual({
    nothing: 'replaced EEXIST',
    part: 'replaced EEXIST',
  });
});

test('a way that fails says by what code; a bug in it comes out, and nothing is left either', async () => {
  using place = temporaryDirectory();
  const childrenBefore = children();
  const [source, target] = [place.make('source'), place.make('target')];
  const fails = each('fails', () => {
    throw Object.assign(new Error('impossible'), { code: 'STRATEGY_IMPOSSIBLE' });
  });
  expect(verdicts(await probeLeak(bytes(source), bytes(target), [fails]))).toEqual({
    fails: 'way STRATEGY_IMPOSSIBLE',
  });
  const bug = each('bug', () => {
    throw new TypeError('bug');
  });
  await expect(probeLeak(bytes(source), bytes(target), [bug])).rejects.toThrow(new TypeError('bug'));
  expect([...readdirSync(source), ...readdirSync(target)]).toEqual([]);
  expect(children().filter((pid) => !childrenBefore.includes(pid))).toEqual([]);
});

rootTest(
  'a directory that is not there, none, or read-only is an error, and nothing is left in the other',
  async () => {
    using place = temporaryDirectory();
    const good = place.make('good');
    writeFileSync(place.at('file'), '');
    using _disk = mounted(place.at('disk'), (at) => mountTmpfs(at, 'ro'));
    for (const [name, code] of [
      ['missing', 'ENOENT'],
      ['file', 'ENOTDIR'],
      ['disk', 'EROFS'],
    ] as const) {
      const bad = bytes(place.at(name));
      await expect(probeLeak(bad, bytes(good), [rename])).rejects.toMatchObject({ code });
      await expect(probeLeak(bytes(good), bad, [rename])).rejects.toMatchObject({ code });
      expect(readdirSync(good)).toEqual([]);
    }
  },
);

rootTest('without a /proc of this PID namespace nothing is measured', async () => {
  for (const proc of ['not-mounted', 'foreign']) {
    const report = JSON.parse(await runInNamespace(script, [proc])) as LeakReport;
    expect({ judged: report.judged, ...verdicts(report) }).toEqual({ judged: false, rename: 'proc PROC_UNAVAILABLE' });
  }
});

rootTest('without privilege map_files is not measured, and the verdicts stand', async () => {
  for (const proc of ['unprivileged', 'hidepid=ptraceable']) {
    const report = JSON.parse(await runInNamespace(script, [proc])) as LeakReport;
    expect({ judged: report.judged, ...verdicts(report) }).toEqual({ judged: true, rename: 'clean' });
    expect(report.ways[0]).toMatchObject({
      unmeasured: ['program', 'library'].map((subject) => ({ subject, where: 'map_files', code: 'EPERM' })),
    });
  }
});

rootTest('without privilege a path that maps cannot show unmistakably is not measured', async () => {
  const report = JSON.parse(await runInNamespace(script, ['unprivileged', 'a\nb'])) as LeakReport;
  expect({ judged: report.judged, ...verdicts(report) }).toEqual({ judged: false, rename: 'before AMBIGUOUS' });
});
