import { ascii, type Bytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { type ConfigQuestion, type Digested, decideConfig, targetMd5 } from '../../src/ledger/config-decision.ts';
import { configName, parseConfigName } from '../../src/ledger/config-names.ts';
import { ConfigProtect } from '../../src/ledger/config-protect.ts';
import type { ContentsEntry } from '../../src/ledger/contents.ts';
import { splitPath } from '../../src/paths.ts';

const md5 = (text: string) => targetMd5(ascii(text));
const file = (text: string) => ({ type: 'file', md5: md5(text) }) as const;
const link = (target: string) => ({ type: 'symlink', md5: md5(target) }) as const;
const directory: Digested = { type: 'directory', md5: undefined };
const obj = (text: string): ContentsEntry => ({ type: 'obj', path: ascii('etc/f'), md5: md5(text), mtime: 1 });
const sym = (target: string): ContentsEntry => ({ type: 'sym', path: ascii('etc/f'), target: ascii(target), mtime: 1 });

/** A new version brings `new`; nothing is there, recorded or remembered. */
const decide = (question: Partial<ConfigQuestion>) =>
  decideConfig({
    update: file('new'),
    present: undefined,
    recorded: undefined,
    remembered: undefined,
    ifModified: true,
    again: false,
    ...question,
  });

const NEW = md5('new');

test.each<[string, Partial<ConfigQuestion>, string, string | undefined]>([
  ['nothing there, new to the root: it is merged (F.3a)', {}, 'merge', undefined],
  ['taken away by the administrator: offered (F.3a)', { recorded: obj('old') }, 'offer', undefined],
  [
    'taken away, and offered before: offered again (F.3a)',
    { recorded: obj('old'), remembered: NEW },
    'offer',
    undefined,
  ],
  ['nobody edited it: merged (F.3b)', { present: file('old'), recorded: obj('old') }, 'merge', undefined],
  ['a symlink that nobody changed: merged (F.3b)', { present: link('old'), recorded: sym('old') }, 'merge', undefined],
  ['a file with the words of the target: offered (F.3b)', { present: file('old'), recorded: sym('old') }, 'offer', NEW],
  ['a symlink for the file: offered (F.3b)', { present: link('old'), recorded: obj('old') }, 'offer', NEW],
  ['a directory for the file: offered (F.3b)', { present: directory, recorded: obj('old') }, 'offer', NEW],
  [
    'nobody edited it, but all is protected: offered (F.3b)',
    { present: file('old'), recorded: obj('old'), ifModified: false },
    'offer',
    NEW,
  ],
  [
    'edited to what the package brings: merged, remembered (F.3c)',
    { present: file('new'), recorded: obj('old') },
    'merge',
    NEW,
  ],
  ['a symlink whose target reads like the file: offered (F.3c)', { present: link('new') }, 'offer', NEW],
  ['edited, and offered before: skipped (F.3d)', { present: file('mine'), remembered: NEW }, 'skip', undefined],
  ['offered before, but asked for again (F.3d)', { present: file('mine'), remembered: NEW, again: true }, 'offer', NEW],
  [
    'edited, and another update offered before: offered (F.3e)',
    { present: file('mine'), remembered: md5('x') },
    'offer',
    NEW,
  ],
  ['edited: offered (F.3e)', { present: file('mine'), recorded: obj('old') }, 'offer', NEW],
  ['somebody else put it there: offered (F.3e)', { present: file('mine') }, 'offer', NEW],
])('%s', (_, question, action, remember) => {
  expect(decide(question)).toEqual({ action, remember });
});

/** Path → `file:CONTENT`, `link:TARGET` or `dir`. */
type Tree = Map<string, string>;
const tree = (entries: Readonly<Record<string, string>>): Tree =>
  new Map(Object.entries(entries).map(([name, what]) => [`etc/A/${name}`, what]));

const KEEP = 'file:';
const A1 = tree({
  'dir_a/.keep_x': KEEP,
  'symlink_replaces_dir/.keep_x': KEEP,
  'regular_replaces_dir/.keep_x': KEEP,
  regular_a: 'file:regular_a_1',
  regular_b: 'file:regular_b_1',
  regular_replaces_regular: 'file:regular_replaces_regular_1',
  symlink_replaces_regular: 'file:symlink_replaces_regular',
  regular_replaces_symlink: 'link:regular_a',
  symlink_replaces_symlink: 'link:regular_b',
});
const A2 = tree({
  'dir_a/.keep_x': KEEP,
  symlink_replaces_dir: 'link:dir_a',
  regular_replaces_dir: 'file:regular_replaces_dir_2',
  regular_a: 'file:regular_a_2',
  regular_b: 'file:regular_b_2',
  regular_replaces_symlink: 'file:regular_replaces_symlink_2',
  symlink_replaces_symlink: 'link:regular_b',
  regular_replaces_regular: 'file:regular_replaces_regular_2',
  symlink_replaces_regular: 'link:regular_a',
});

const protect = new ConfigProtect([{ path: ascii('etc'), isDirectory: true }], []);

/** A root on which only the rules are at work. */
class Root {
  readonly tree: Tree = new Map();
  /** Directories that an upgrade emptied. */
  readonly left = new Set<string>();
  readonly memory = new Map<string, string>();
  #contents: Tree = new Map();

  merge(image: Tree, again = false): string[] {
    for (const [path, what] of image) this.#mergeOne(path, what, again);
    for (const path of this.#contents.keys()) {
      const parent = splitPath(ascii(path)).parent;
      if (!image.has(path) && what(this.tree, path) === this.#contents.get(path) && this.tree.delete(path))
        this.left.add(parent);
    }
    this.#contents = image;
    return this.offers();
  }

  #mergeOne(path: string, update: string, again: boolean): void {
    const [parent, name] = [splitPath(ascii(path)).parent, splitPath(ascii(path)).name];
    // Something that is no directory gives way to one.
    this.tree.delete(parent);
    const recorded = this.#contents.get(path);
    const { type, text } = parts(update);
    let decision: ReturnType<typeof decideConfig> = { action: 'merge', remember: undefined };
    if (protect.isProtected(ascii(path), { type, size: text.length })) {
      decision = decideConfig({
        update: { type, md5: md5(text) },
        present: digested(what(this.tree, path) ?? (this.left.has(path) ? 'dir' : undefined)),
        recorded: recorded === undefined ? undefined : entryOf(recorded),
        remembered: this.memory.get(path),
        ifModified: true,
        again,
      });
    }
    if (decision.remember !== undefined) this.memory.set(path, decision.remember);
    if (decision.action === 'merge') this.tree.set(path, update);
    if (decision.action === 'offer') {
      const names = [...this.tree.keys()].filter((each) => splitPath(ascii(each)).parent === parent);
      const { name: offered } = configName(
        name,
        names.map((each) => splitPath(ascii(each)).name),
        (candidate) => this.tree.get(`${parent}/${candidate}`) === update,
      );
      this.tree.set(`${parent}/${offered}`, update);
    }
  }

  offers(): string[] {
    return [...this.tree.keys()]
      .map((path) => splitPath(ascii(path)).name)
      .filter((name) => parseConfigName(name))
      .sort();
  }

  acceptAll(): number {
    for (const [path, content] of this.tree) {
      const { parent, name } = splitPath(ascii(path));
      const offered = parseConfigName(name);
      if (offered === undefined) continue;
      this.tree.delete(path);
      this.left.delete(`${parent}/${offered.name}`);
      this.tree.set(`${parent}/${offered.name}`, content);
    }
    return this.offers().length;
  }

  editAll(): void {
    for (const [path, content] of this.tree) if (content !== KEEP) this.tree.set(path, `${content} edited`);
  }
}

/** What has a name: an entry, or a directory that leads to one. */
function what(tree: Tree, path: string): string | undefined {
  return tree.get(path) ?? ([...tree.keys()].some((each) => each.startsWith(`${path}/`)) ? 'dir' : undefined);
}

function parts(entry: string): { type: 'file' | 'symlink'; text: string } {
  return { type: entry.startsWith('file:') ? 'file' : 'symlink', text: entry.slice(5) };
}

function digested(entry: string | undefined): Digested | undefined {
  if (entry === undefined || entry === 'dir') return entry === undefined ? undefined : directory;
  const { type, text } = parts(entry);
  return { type, md5: md5(text) };
}

function entryOf(entry: string): ContentsEntry {
  const { type, text } = parts(entry);
  return type === 'file' ? obj(text) : sym(text as Bytes);
}

test('an upgrade, updates accepted, a deleted tree, edits and a downgrade offer what they have to (Case 1)', () => {
  const root = new Root();
  expect(root.merge(A1)).toEqual([]);
  expect(root.merge(A2)).toEqual(['._cfg0000_regular_replaces_dir', '._cfg0000_symlink_replaces_dir']);
  expect([...root.memory.keys()].sort()).toEqual(['etc/A/regular_replaces_dir', 'etc/A/symlink_replaces_dir']);
  const remembered = [...root.memory];
  expect(root.acceptAll()).toBe(0);
  expect(root.merge(A2)).toEqual([]);

  root.tree.clear();
  expect(root.merge(A2).length).toBe(8);
  expect(root.tree.get('etc/A/dir_a/.keep_x')).toBe(KEEP);
  expect([...root.memory]).toEqual(remembered);

  expect(root.acceptAll()).toBe(0);
  root.editAll();
  expect(root.merge(A2).filter((name) => /replaces_dir/.test(name))).toEqual([]);
  expect(root.offers().length).toBe(6);

  expect(root.acceptAll()).toBe(0);
  root.editAll();
  expect(root.merge(A1, true).length).toBe(6);
  expect(root.acceptAll()).toBe(0);
});
