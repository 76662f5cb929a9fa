/**
 * Package managers, each with a root and a database of its own and in its defaults, but for: no dependencies, no scripts,
 * no signatures, and another package's files may be overwritten.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine, Trees } from '../case.ts';
import type { Format } from '../trees/place.ts';

interface Verb {
  readonly name: string;
  readonly command: (trees: Trees, name: string) => readonly string[];
}

export interface Manager {
  readonly name: string;
  readonly format: Format;
  /** Makes its empty database. */
  readonly makeDatabase: (trees: Trees) => void;
  readonly install: (trees: Trees, packages: readonly string[]) => readonly string[];
  /** What else it does, by the name that is shown; with the name of a package. */
  readonly removes?: Verb;
  readonly verifies?: Verb;
}

function dpkg({ root }: Trees, ...args: readonly string[]): readonly string[] {
  // A root has none of the programs that packages' scripts would call; the log would go to the machine's own.
  const force = ['--force-not-root', '--force-bad-path', '--force-overwrite', '--force-depends'];
  return ['dpkg', `--root=${root}`, ...force, '--no-triggers', '--log=/dev/null', ...args];
}

function rpm({ root }: Trees, ...args: readonly string[]): readonly string[] {
  return ['rpm', '--root', root, '--dbpath', '/var/lib/rpm', ...args];
}

function pacman({ root, aside }: Trees, ...args: readonly string[]): readonly string[] {
  const database = ['--root', root, '--dbpath', join(root, 'var/lib/pacman'), '--config', join(aside, 'pacman.conf')];
  return ['pacman', ...database, '--noconfirm', ...args];
}

function makeDpkgDatabase({ root }: Trees): void {
  for (const dir of ['info', 'updates', 'triggers']) mkdirSync(join(root, 'var/lib/dpkg', dir), { recursive: true });
  writeFileSync(join(root, 'var/lib/dpkg/status'), '');
}

function makePacmanDatabase({ root, aside }: Trees): void {
  mkdirSync(join(root, 'var/lib/pacman'), { recursive: true });
  writeFileSync(
    join(aside, 'pacman.conf'),
    '[options]\nArchitecture = any\nSigLevel = Never\nLocalFileSigLevel = Never\n',
  );
}

export const MANAGERS: readonly Manager[] = [
  {
    name: 'dpkg --unpack',
    format: 'deb',
    makeDatabase: makeDpkgDatabase,
    install: (trees, packages) => dpkg(trees, '--unpack', ...packages),
    removes: { name: 'dpkg --purge', command: (trees, name) => dpkg(trees, '--purge', name) },
    verifies: { name: 'dpkg --verify', command: (trees, name) => dpkg(trees, '--verify', name) },
  },
  {
    name: 'dpkg --unpack --force-unsafe-io',
    format: 'deb',
    makeDatabase: makeDpkgDatabase,
    install: (trees, packages) => dpkg(trees, '--force-unsafe-io', '--unpack', ...packages),
  },
  {
    name: 'rpm -U',
    format: 'rpm',
    makeDatabase: ({ root }) => void mkdirSync(join(root, 'var/lib/rpm'), { recursive: true }),
    install: (trees, packages) => rpm(trees, '-U', '--nodeps', '--replacefiles', ...packages),
    removes: { name: 'rpm -e', command: (trees, name) => rpm(trees, '-e', '--nodeps', name) },
    verifies: { name: 'rpm -V', command: (trees, name) => rpm(trees, '-V', '--nodeps', name) },
  },
  {
    name: 'pacman -U',
    format: 'pacman',
    makeDatabase: makePacmanDatabase,
    install: (trees, packages) => pacman(trees, '-U', '--noprogressbar', '-dd', '--overwrite', '*', ...packages),
    removes: { name: 'pacman -R', command: (trees, name) => pacman(trees, '-R', '--noprogressbar', '-dd', name) },
    verifies: { name: 'pacman -Qkk', command: (trees, name) => pacman(trees, '-Qkk', name) },
  },
];

/** Runs a command of a manager before the clock starts. */
export function prepareBy([command = '', ...args]: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Installs packages, over those that are `installed`. */
export function installing(manager: Manager, packages: readonly string[], installed: readonly string[] = []): Engine {
  return {
    name: manager.name,
    hasPackages: true,
    before(trees) {
      manager.makeDatabase(trees);
      if (installed.length > 0) prepareBy(manager.install(trees, installed));
    },
    command: (trees) => manager.install(trees, packages),
  };
}
