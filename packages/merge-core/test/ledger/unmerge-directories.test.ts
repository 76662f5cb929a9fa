import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Entry, picture, ROOT, world } from '../engine/world.ts';
import { careful, carryOut, decide, listed, obj, other, printed, sym, unmerge } from './unmerge.ts';

const D = (path: string): Entry => ({ path, type: 'directory' });
const L = (path: string, content: string, more: Partial<Entry> = {}): Entry => ({
  path,
  type: 'symlink',
  content,
  ...more,
});

test('a directory goes when all in it goes, and stays for one name that is not in the list (I.4)', () => {
  const tree = [D('a'), D('a/b'), { path: 'a/b/x' }, D('c'), { path: 'c/x' }, { path: 'c/kept' }, D('d'), D('d/e')];
  const lines = ['dir /a', 'dir /a/b', obj('a/b/x'), 'dir /c', obj('c/x'), 'dir /d'];
  expect(printed(unmerge(tree, lines))).toEqual([
    '<<< obj c/x',
    '<<< obj a/b/x',
    '<<< dir a/b',
    '<<< dir a',
    '--- !empty dir d',
    '--- !empty dir c',
  ]);
});

test('the index of info pages goes with its directory, once nothing else is left there (I.4)', () => {
  const tree = [D('info'), { path: 'info/x.info' }, { path: 'info/dir' }, { path: 'info/dir.old' }];
  const lines = ['dir /info', obj('info/x.info')];
  expect(printed(unmerge(tree, lines))).toEqual([
    '<<< obj info/x.info',
    '<<< obj info/dir',
    '<<< obj info/dir.old',
    '<<< dir info',
  ]);
  expect(printed(unmerge([...tree, { path: 'info/y.info' }], lines)).slice(1)).toEqual(['--- !empty dir info']);
  expect(printed(unmerge(tree, lines, { otherOwners: () => [other] })).slice(1)).toEqual(['--- !empty dir info']);
});

test('INFOPATH names directories of info pages, through symlinks too; others keep a file named dir (I.4)', () => {
  const tree = [D('gnu'), { path: 'gnu/dir' }, L('pages', 'gnu'), D('plain'), { path: 'plain/dir' }];
  const infoDirectories = [ascii('pages'), ascii('not/there')];
  expect(printed(unmerge(tree, ['dir /gnu', 'dir /plain'], { infoDirectories }))).toEqual([
    '<<< obj gnu/dir',
    '<<< dir gnu',
    '--- !empty dir plain',
  ]);
});

test('a directory that is named twice goes once', () => {
  const tree = [D('usr'), D('usr/lib'), D('usr/lib/p'), { path: 'usr/lib/p/x' }, L('lib', 'usr/lib')];
  const lines = ['dir /lib/p', obj('lib/p/x'), 'dir /usr/lib/p', obj('usr/lib/p/x')];
  expect(printed(unmerge(tree, lines))).toEqual([
    '<<< obj usr/lib/p/x',
    '--- !found obj lib/p/x',
    '<<< dir usr/lib/p',
    '--- !found dir lib/p',
  ]);
});

test('a symlink to a directory goes when that is empty, or holds only plain files of the package (I.2h)', () => {
  const tree = [
    D('a'),
    { path: 'a/x' },
    L('z', 'a'),
    D('b'),
    L('y', 'b'),
    D('c'),
    { path: 'c/m', content: 'edited' },
    L('w', 'c'),
  ];
  const lines = [sym('z', 'a'), obj('a/x'), sym('y', 'b'), sym('w', 'c'), obj('c/m')];
  expect(printed(unmerge(tree, lines, { ...careful, otherOwners: () => [other] }))).toEqual([
    '--- !md5 obj c/m',
    '<<< obj a/x',
    '<<< sym z',
    '<<< sym y',
    '<<< sym w',
  ]);
});

test('a symlink to a directory with anything else stays as long as another package has files through it (I.2h, I.5)', () => {
  const tree = [D('data'), { path: 'data/theirs' }, L('link', 'data')];
  const lines = [sym('link', 'data')];
  const kept = unmerge(tree, lines, { otherOwners: (path) => (path === 'link' ? [other] : []) });
  expect(printed(kept)).toEqual(['--- !empty sym link']);
  expect(kept.linksKept).toEqual([{ path: 'link', owners: [other] }]);
  expect(printed(unmerge(tree, lines))).toEqual(['<<< sym link']);
});

test('a symlink that is named twice goes or stays once, and is in use under either name (I.5)', () => {
  const tree = [D('data'), { path: 'data/theirs' }, D('a'), L('a/link', '../data'), L('b', 'a')];
  const lines = [sym('a/link', '../data'), sym('b/link', '../data')];
  expect(printed(unmerge(tree, lines))).toEqual(['<<< sym b/link', '--- !found sym a/link']);
  const used = (...paths: string[]) => ({ otherOwners: (path: string) => (paths.includes(path) ? [other] : []) });
  expect(printed(unmerge(tree, lines, used('a/link')))).toEqual(['--- !empty sym b/link', '--- !empty sym a/link']);
  expect(printed(unmerge(tree, lines, used('b/link')))).toEqual(['--- !empty sym b/link', '--- !empty sym a/link']);
});

test('a directory in the list that is a symlink by now is treated as one (I.2g)', () => {
  const tree = [D('srv'), D('srv/data'), { path: 'srv/data/x' }, D('var'), L('var/data', '/srv/data')];
  const lines = ['dir /var', 'dir /var/data', obj('var/data/x')];
  expect(printed(unmerge(tree, lines))).toEqual(['<<< obj var/data/x', '<<< dir var/data', '<<< dir var']);
});

test('… but for one that another package has, or goes through: it stays though nothing is left behind it (I.5)', () => {
  const tree = [D('a'), { path: 'a/x' }, L('b', 'a')];
  const lines = ['dir /b', obj('b/x'), 'dir /a'];
  const kept = unmerge(tree, lines, { otherOwners: (path) => (path === 'b' ? [other] : []) });
  expect(printed(kept)).toEqual(['<<< obj b/x', '--- !empty dir b', '<<< dir a']);
  expect(kept.linksKept).toEqual([{ path: 'b', owners: [other] }]);
});

test('a removed directory takes the symlinks to it along, and then what they kept full (I.4, bug 640058)', () => {
  const tree = [D('a'), D('a/deep'), D('a/deep/sub'), D('z'), D('z/sub'), L('z/sub/link', '../../a/deep')];
  const lines = ['dir /a/deep', 'dir /a/deep/sub', sym('z/sub/link', '../../a/deep'), 'dir /z', 'dir /z/sub', 'dir /a'];
  expect(printed(unmerge(tree, lines, { otherOwners: () => [other] }))).toEqual([
    '<<< dir a/deep/sub',
    '<<< dir a/deep',
    '<<< sym z/sub/link',
    '<<< dir z/sub',
    '<<< dir z',
    '<<< dir a',
  ]);
});

test('symlinks that lie in the directory they lead to keep nothing alive (I.5)', () => {
  const tree = [D('a'), D('a/deep'), L('a/deep/up', '..'), L('a/self', '.')];
  const lines = ['dir /a', 'dir /a/deep', sym('a/deep/up', '..'), sym('a/self', '.')];
  expect(printed(unmerge(tree, lines)).filter((line) => line.startsWith('---'))).toEqual([]);
});

test('a symlink that the new version has as a directory stays with what is behind it (I.2d, bug 326685)', () => {
  const tree = [D('share'), D('share/p'), L('p', 'share/p')];
  const lines = [sym('p', 'share/p'), 'dir /share', 'dir /share/p'];
  const fresh = { isReplaced: listed('p'), isReplacedByDirectory: listed('p') };
  const kept = unmerge(tree, lines, fresh);
  expect(printed(kept)).toEqual(['--- replaced sym p', '--- replaced dir share/p', '--- !empty dir share']);
  expect(kept.linksKept).toEqual([{ path: 'p', owners: [] }]);
  // Had it the symlink again, an empty directory behind it would be nobody's.
  const same = unmerge(tree, lines, { ...fresh, isReplacedByDirectory: () => false });
  expect(printed(same)).toEqual(['--- replaced sym p', '<<< dir share/p', '<<< dir share']);
});

test('absolute symlinks and .. stay inside the root', () => {
  const tree = [D('etc'), { path: 'etc/x' }, D('a'), L('a/up', '../../../etc'), L('a/abs', '/etc')];
  expect(unmerge(tree, [obj('a/up/x'), obj('a/abs/x')]).verdicts.map(({ target, reason }) => [target, reason])).toEqual(
    [
      ['etc/x', ''],
      ['a/abs/x', '!found'],
    ],
  );
});

test('a path of a million components is not there', () => {
  const path = `${'a/'.repeat(1_000_000)}x`;
  expect(unmerge([D('a'), D('a/a')], [obj(path)]).verdicts.map(({ reason }) => reason)).toEqual(['!found']);
});

test.each([
  ['that belongs to a user', [D('srv'), L('srv/data', '/etc', { uid: 1000 })]],
  ['in a directory of a user', [{ ...D('srv'), uid: 1000 }, L('srv/data', '/etc')]],
  ['that anyone can move', [{ ...D('srv'), mode: 0o777 }, L('srv/data', '/etc')]],
  ['that leads to one of a user', [D('srv'), L('srv/data', '../home'), L('home', '/etc', { uid: 1000 })]],
  ['in a circle', [D('srv'), L('srv/data', 'data')]],
])('nothing is removed through a symlink %s', (_, planted) => {
  const { verdicts, unsafe } = unmerge([D('etc'), { path: 'etc/passwd' }, ...planted], [obj('srv/data/passwd')]);
  expect(verdicts).toEqual([
    { path: 'srv/data/passwd', target: 'srv/data/passwd', type: 'obj', verdict: 'keep', reason: '!unsafe' },
  ]);
  expect(unsafe.map(({ code }) => code)).toEqual([expect.stringMatching(/^(?:UNSAFE_SYMLINK|SYMLINK_LOOP)$/)]);
});

test('a planted symlink itself goes, but for one that other packages are listed below', () => {
  const tree = [D('etc'), { path: 'etc/passwd' }, D('srv'), L('srv/data', '/etc', { uid: 1000 })];
  expect(printed(unmerge(tree, ['dir /srv/data']))).toEqual(['<<< dir srv/data']);
  expect(printed(unmerge(tree, ['dir /srv/data'], { otherOwners: () => [other] }))).toEqual([
    '--- !unsafe dir srv/data',
  ]);
});

test('the owner of the root directory is trusted with symlinks in it', () => {
  const fs = world([D('usr'), { path: 'usr/x' }, L('lib', 'usr', { uid: 1000 })], []);
  expect(decide(fs, [obj('lib/x')]).verdicts[0]?.reason).toBe('!unsafe');
  const top = fs.pin(fs.openRoot(ROOT), ascii(''));
  fs.chown(top, 1000, 1000);
  expect(decide(fs, [obj('lib/x')]).verdicts[0]?.target).toBe('usr/x');
});

/** Paths of few names, so that they meet; parents come as directories. */
const paths = fc.uniqueArray(
  fc.array(fc.constantFrom('a', 'b', 'info', 'dir'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  { minLength: 1, maxLength: 12 },
);
const kinds = fc.infiniteStream(fc.constantFrom('file', 'file', 'listed', 'listed', 'listed link', 'link'));
const targets = fc.infiniteStream(fc.constantFrom('.', '..', '/', '/a', 'b', '/a/b', '../info', '/b/a', 'nowhere'));

test('verdicts can be carried out in their order, and say of each directory whether it becomes empty', () => {
  fc.assert(
    fc.property(paths, kinds, targets, fc.boolean(), (leaves, kind, target, keepModified) => {
      const { tree, lines } = randomTree(leaves, kind, target);
      const fs = world(tree, []);
      const before = picture(fs, ROOT, false);
      const { verdicts } = decide(fs, lines, { keepModified });
      expect(picture(fs, ROOT, false)).toEqual(before);
      // Each path once, and no name twice.
      expect(new Set(verdicts.map(({ path }) => path)).size).toBe(verdicts.length);
      const gone = verdicts.filter(({ verdict }) => verdict !== 'keep').map(({ target: at }) => at);
      expect(new Set(gone).size).toBe(gone.length);
      carryOut(fs, { verdicts, linksKept: [], unsafe: [] });
      const after = picture(fs, ROOT, false).map((line) => line.split(' ')[0]);
      for (const { target: at, verdict } of verdicts) if (verdict !== 'keep') expect(after).not.toContain(at);
      for (const { target: at, reason, stat } of verdicts)
        if (reason === '!empty' && stat?.type === 'directory')
          expect(after.some((path) => path?.startsWith(`${at}/`))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

function randomTree(
  leaves: string[],
  kind: Iterator<string>,
  target: Iterator<string>,
): { tree: Entry[]; lines: string[] } {
  const tree = new Map<string, Entry>();
  const lines: string[] = [];
  for (const path of [...leaves].sort()) {
    const parents = path
      .split('/')
      .map((_, i, all) => all.slice(0, i).join('/'))
      .slice(1);
    // A leaf may stand where another one's parent would.
    if (parents.some((parent) => tree.has(parent) && tree.get(parent)?.type !== 'directory') || tree.has(path))
      continue;
    for (const parent of parents) {
      if (!tree.has(parent)) lines.push(`dir /${parent}`);
      tree.set(parent, D(parent));
    }
    const what = kind.next().value as string;
    const to = target.next().value as string;
    tree.set(path, what.endsWith('link') ? L(path, to) : { path });
    if (what === 'listed') lines.push(obj(path));
    if (what === 'listed link') lines.push(sym(path, to));
  }
  return { tree: [...tree.values()], lines };
}

test('thousands of directories with symlinks to each other are not read again for each of them', () => {
  const count = 2000;
  const tree: Entry[] = [D('d')];
  const lines: string[] = ['dir /d'];
  for (let i = 0; i < count; i++) {
    tree.push(D(`d/${i}`), L(`d/link${i}`, `${(i + 1) % count}`), L(`d/${i}/up`, '..'));
    lines.push(`dir /d/${i}`, sym(`d/link${i}`, `${(i + 1) % count}`), sym(`d/${i}/up`, '..'));
  }
  const fs = world(tree, []);
  let lists = 0;
  const counted = Object.assign(Object.create(fs) as typeof fs, {
    list: (dir: Parameters<typeof fs.list>[0]) => {
      lists++;
      return fs.list(dir);
    },
  });
  const { verdicts } = decide(counted, lines);
  expect(verdicts.filter(({ verdict }) => verdict === 'keep')).toEqual([]);
  expect(lists).toBeLessThan(6 * count);
});
