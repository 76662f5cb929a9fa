import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Debian packages of the commands and headers that tests call. */
const PACKAGES = [
  'acl',
  'attr',
  'bindfs',
  'btrfs-progs',
  'chromium',
  'diffutils',
  'e2fsprogs',
  'gcc',
  'libc6-dev',
  'libc6-dev-arm64-cross',
  'libcap2-bin',
  'linux-libc-dev',
  'linux-libc-dev-arm64-cross',
  'patch',
  'python3',
  'rsync',
  'ruby',
  'strace',
  'util-linux',
  'xfsprogs',
];

/** `promtool` comes with a server, which systemd would start: on somebody's own machine that is not ours to do. */
const WITH_SERVERS = ['prometheus'];

function wanted(): string[] {
  return process.env.CI === 'true' || !existsSync('/run/systemd/system') ? [...PACKAGES, ...WITH_SERVERS] : PACKAGES;
}

/**
 * Installs with apt what is missing, when that is possible here: as root on Debian and its like. Elsewhere, tests
 * whose tool is missing are skipped by name.
 * @returns false when something could not be installed
 */
export function installTools(): boolean {
  if (process.geteuid?.() !== 0) return true;
  const packages = wanted();
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg's
  const query = run('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\\n', ...packages]);
  if (query.error !== undefined) return true;
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  const missing = packages.filter((name) => !installed.has(name));
  if (missing.length === 0) return true;
  console.error(`installing ${missing.join(', ')}`);
  // Lists that are there may be good enough; where they are not, they are fetched and it is tried again.
  if (install(missing).status === 0) return true;
  run('apt-get', ['update', '-qq']);
  const attempt = install(missing);
  if (attempt.status === 0) return true;
  console.error(`could not install ${missing.join(', ')}\n${attempt.stderr}`);
  return false;
}

function install(packages: readonly string[]): ReturnType<typeof run> {
  return run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]);
}

function run(command: string, args: readonly string[]) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', env });
}
