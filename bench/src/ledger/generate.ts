/**
 * A package database as a Gentoo desktop has it: 1,500 packages with 1,000,000 paths, sizes from 3 paths to many
 * thousands, 20,000 directories with an `__init__.py`, and some packages that still say `lib64/…` where `lib64` is a
 * symlink by now. The root has all the directories, and none of the files: nobody asks for those.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, randomOf } from '@emplace/fixtures';

const LOCALES =
  'ar bg ca cs da de el en_GB eo es et eu fa fi fr gl he hr hu id it ja ko lt nb nl pl pt_BR ru sv tr zh_CN'.split(' ');
const WORDS =
  'core util parse net http json codec table view model test data io cache log event queue graph index store'.split(
    ' ',
  );
const CATEGORIES =
  'app-arch app-editors dev-lang dev-libs dev-python dev-qt kde-frameworks media-libs net-libs net-misc sys-apps sys-devel sys-kernel x11-libs'.split(
    ' ',
  );
/** Merged /usr. */
const LINKS = ['bin', 'lib', 'lib64', 'sbin'] as const;

export interface Generated {
  readonly packages: number;
  readonly paths: number;
  /** Directories with an `__init__.py`. */
  readonly modules: number;
}

/** @param root an empty directory; the database becomes its `var/db/pkg` */
export function generate(root: string, packages = 1500, paths = 1_000_000): Generated {
  const random = randomOf(packages, paths);
  const directories = new Set<string>();
  const sizes = sizesOf(packages, paths);
  const made = { packages, paths: 0, modules: 0 };
  for (const link of LINKS) symlinkSync(`usr/${link}`, join(root, link));
  for (const [number, size] of sizes.entries()) {
    const lines = packageLines(number, size, random, directories);
    made.paths += lines.length;
    made.modules += lines.filter((line) => line.includes('/__init__.py ')).length;
    const dir = join(
      root,
      'var/db/pkg',
      CATEGORIES[number % CATEGORIES.length] as string,
      `${nameOf(number)}-1.${number % 9}.0`,
    );
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'CONTENTS'), lines.map((line) => `${line}\n`).join(''));
    writeFileSync(join(dir, 'SLOT'), '0\n');
    writeFileSync(join(dir, 'COUNTER'), String(number));
  }
  for (const directory of directories)
    mkdirSync(join(root, directory.replace(/^(bin|lib|lib64|sbin)(?=\/|$)/, 'usr/$1')), { recursive: true });
  return made;
}

function nameOf(number: number): string {
  return `${WORDS[number % WORDS.length]}${WORDS[Math.floor(number / WORDS.length) % WORDS.length]}${number}`;
}

/** Few are large, most are small. */
function sizesOf(packages: number, paths: number): number[] {
  const weights = Array.from({ length: packages }, (_, i) => 1 / (i + 12));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => Math.max(3, Math.round((weight / sum) * paths)));
}

function packageLines(number: number, size: number, random: Random, all: Set<string>): string[] {
  const lines: string[] = [];
  const own = new Set<string>();
  const into = (directory: string): void => {
    if (own.has(directory)) return;
    const above = directory.slice(0, Math.max(directory.lastIndexOf('/'), 0));
    if (above !== '') into(above);
    own.add(directory);
    all.add(directory);
    lines.push(`dir /${directory}`);
  };
  for (let turn = 0; lines.length < size; turn++) {
    const { directory, files } = someDirectory(number, turn, random);
    into(directory);
    for (const file of files) if (lines.length < size) lines.push(line(`${directory}/${file}`, random));
  }
  return lines;
}

function line(path: string, random: Random): string {
  const mtime = 1_700_000_000 + random.integer(50_000_000);
  if (/\.so$|\.so\.\d$/.test(path)) return `sym /${path} -> ${path.slice(path.lastIndexOf('/') + 1)}.0.1 ${mtime}`;
  const md5 = Array.from({ length: 4 }, () =>
    random
      .integer(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
  return `obj /${path} ${md5} ${mtime}`;
}

function someDirectory(number: number, turn: number, random: Random): { directory: string; files: string[] } {
  const pn = nameOf(number);
  const word = (): string => random.pick(WORDS);
  const many = (count: number, name: (i: number) => string): string[] =>
    Array.from({ length: count }, (_, i) => name(i));
  if (turn === 0) {
    // Older packages were recorded by the ways of a split /usr.
    const lib = number % 10 === 0 ? 'lib64' : 'usr/lib64';
    return { directory: lib, files: [`lib${pn}.so`, `lib${pn}.so.1`, `lib${pn}.so.1.0.1`] };
  }
  if (turn === 1) return { directory: 'usr/bin', files: [pn, `${pn}-config`] };
  if (turn === 2) return { directory: 'usr/share/man/man1', files: [`${pn}.1.bz2`] };
  if (turn < 20 && random.chance(0.5))
    return { directory: `usr/share/locale/${LOCALES[turn]}/LC_MESSAGES`, files: [`${pn}.mo`] };
  const deep = `${word()}/${word()}${random.integer(40)}`;
  const kind = random.integer(10);
  if (kind < 4) {
    const files = ['__init__.py', ...many(9, (i) => `${word()}_${word()}${i}.py`)];
    return { directory: `usr/lib/python3.13/site-packages/${pn}/${deep}/${word()}${turn}`, files };
  }
  if (kind < 6)
    return { directory: `usr/include/${pn}/${deep}`, files: many(18, (i) => `${word()}_${word()}${turn}_${i}.h`) };
  if (kind < 8)
    return {
      directory: `usr/share/doc/${pn}-1.0/html/${deep}`,
      files: many(25, (i) => `${word()}-${word()}-${turn}-${i}.html`),
    };
  return { directory: `usr/share/${pn}/${deep}`, files: many(12, (i) => `${word()}${turn}${i}.png`) };
}
