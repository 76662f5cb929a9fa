import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory, thrown } from '@emplace/fixtures';
import { toolTest } from '@emplace/fixtures/jest';
import { linuxPort } from '@emplace/fsprobe';
import { ascii, toBytes } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MergeError } from '../../src/errors.ts';
import { type PortageConfig, type PortageConfigOptions, readPortageConfig } from '../../src/ledger/portage-config.ts';
import { type Piece, parseAssignments } from '../../src/ledger/shell-assignments.ts';
import { OpenDirectories } from '../../src/open-directories.ts';

const GLOBALS = 'usr/share/portage/config/make.globals';
const CONF = 'etc/portage/make.conf';

function write(place: TemporaryDirectory, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(place.at(path)), { recursive: true });
    writeFileSync(place.at(path), content);
  }
}

function readIn(place: TemporaryDirectory, options?: PortageConfigOptions): PortageConfig {
  const fs = linuxPort();
  const top = fs.openRoot(toBytes(place.path));
  try {
    using root = new OpenDirectories(fs, top);
    return readPortageConfig(fs, root, options);
  } finally {
    fs.closeDir(top);
  }
}

/** What a root with these files says. */
function read(files: Readonly<Record<string, string | Buffer>>, options?: PortageConfigOptions): PortageConfig {
  using place = temporaryDirectory();
  write(place, files);
  return readIn(place, options);
}

/** The lines of the refusal that these files end in. */
function refusal(files: Readonly<Record<string, string | Buffer>>, options?: PortageConfigOptions): string[] {
  const error = thrown(MergeError, () => read(files, options));
  expect([error.code, error.exitCode]).toEqual(['PORTAGE_CONFIG_INVALID', 2]);
  return error.message.split('\n');
}

test('a root without any configuration has what make.globals says by default (F.2, I.2c, K)', () => {
  const config = read({});
  expect(config).toMatchObject({
    configProtect: ['etc'],
    configProtectMask: ['etc/env.d'],
    uninstallIgnore: ['/lib/modules/*'],
    installMask: '',
  });
  expect(config.features).toEqual(
    new Set([
      'config-protect-if-modified',
      'merge-sync',
      'preserve-libs',
      'protect-owned',
      'sfperms',
      'unmerge-logs',
      'unmerge-orphans',
    ]),
  );
});

test('lists add up from env.d over make.globals and make.conf to the environment; a minus takes away', () => {
  const config = read(
    {
      'etc/env.d/50a': 'CONFIG_PROTECT="/usr/share/a/conf"\nCONFIG_PROTECT_MASK=/etc/one',
      'etc/env.d/60b': "CONFIG_PROTECT='/usr/share/b/conf'\n",
      [GLOBALS]: 'CONFIG_PROTECT="/etc"\nCONFIG_PROTECT_MASK="/etc/env.d"\nFEATURES="merge-sync unmerge-orphans"\n',
      [CONF]: 'CONFIG_PROTECT="-/usr/share/b/conf /opt/c"\nFEATURES="xattr -merge-sync"\n',
    },
    { environment: { FEATURES: '-* protect-owned', CONFIG_PROTECT: '/d', HOME: '/root', NOTHING: undefined } },
  );
  expect(config.configProtect).toEqual(['usr/share/a/conf', 'etc', 'opt/c', 'd']);
  expect(config.configProtectMask).toEqual(['etc/one', 'etc/env.d']);
  expect(config.features).toEqual(new Set(['protect-owned']));
});

test('of other variables the last that is set counts, empty or not', () => {
  const files = {
    [GLOBALS]: 'COLLISION_IGNORE="/lib/modules/*"\nUNINSTALL_IGNORE="/lib/modules/*"\n',
    'etc/make.conf': 'INSTALL_MASK="/old"\nUNINSTALL_IGNORE=""\n',
    [CONF]: `INSTALL_MASK="\n  /usr/share/doc\n\t-*.pdf"\nCOLLISION_IGNORE="'/opt/a b/*'\n*.pyc"`,
  };
  const config = read(files);
  expect(config.installMask.split(/\s+/)).toEqual(['/usr/share/doc', '-*.pdf']);
  expect(config.collisionIgnore).toEqual(['/opt/a b/*', '*.pyc']);
  expect(config.uninstallIgnore).toEqual([]);
  expect(read(files, { environment: { INSTALL_MASK: '' } }).installMask).toBe('');
});

test('features that stand for lists add to them (H, K)', () => {
  const config = read({ [CONF]: 'FEATURES="nodoc noman noinfo packdebug"\nINSTALL_MASK="*.la"\nUNINSTALL_IGNORE=/x' });
  expect(config.installMask).toBe('*.la /usr/share/doc /usr/share/info /usr/share/man');
  expect(config.uninstallIgnore).toEqual(['/x', '/usr/lib/debug/.tarball/*']);
  expect(config.collisionIgnore).toContain('/usr/lib/debug/.tarball/*');
});

test('make.conf may be a directory of files, read in their order; backups and hidden files are not', () => {
  const config = read({
    [`${CONF}/10-first`]: 'INSTALL_MASK=/first\nMORE=/more',
    [`${CONF}/20/b`]: `INSTALL_MASK="\${INSTALL_MASK} /second"`,
    [`${CONF}/30-third`]: 'INSTALL_MASK="$INSTALL_MASK $MORE"',
    [`${CONF}/40~`]: 'INSTALL_MASK=/backup',
    [`${CONF}/.hidden`]: 'INSTALL_MASK=/hidden',
    [`${CONF}/CVS/Entries`]: '/x/1.1/',
  });
  expect(config.installMask).toBe('/first /second /more');
});

test('of env.d only names that start with two digits count, and no backups', () => {
  const config = read({
    'etc/env.d/99x': 'CONFIG_PROTECT=/yes',
    'etc/env.d/9x': 'CONFIG_PROTECT=/no',
    'etc/env.d/99y~': 'CONFIG_PROTECT=/no',
    'etc/env.d/99y.bak': 'CONFIG_PROTECT=/no',
    'etc/env.d/.99z': 'CONFIG_PROTECT=/no',
    'etc/env.d/gcc/config-x86_64': 'CURRENT=x',
  });
  expect(config.configProtect).toEqual(['yes', 'etc']);
});

test('a file is sourced from the root, or from beside the one that says so', () => {
  const config = read({
    [CONF]: `DIR=/etc/portage\nsource make.features\nsource "\${DIR}/more conf"\nINSTALL_MASK="$MASK /own"\n`,
    'etc/portage/make.features': 'FEATURES="xattr"\nMASK=/one\n',
    'etc/portage/more conf': 'MASK="$MASK /two"\n',
  });
  expect(config.features.has('xattr')).toBe(true);
  expect(config.installMask).toBe('/one /two /own');
});

test('a symlink is followed within the root', () => {
  using place = temporaryDirectory();
  write(place, { 'opt/conf': 'INSTALL_MASK=/linked' });
  mkdirSync(place.at('etc/portage'), { recursive: true });
  symlinkSync('/opt/conf', place.at(CONF));
  expect(readIn(place).installMask).toBe('/linked');
});

test('with a prefix everything lies below it, and EPREFIX names it', () => {
  const config = read(
    {
      [`gentoo/${CONF}`]: `CONFIG_PROTECT="/opt/x"\nUNINSTALL_IGNORE="\${EPREFIX}/x/*"`,
      [CONF]: 'CONFIG_PROTECT=/host',
    },
    { prefix: ascii('gentoo') },
  );
  expect(config.configProtect).toEqual(['gentoo/etc', 'gentoo/opt/x']);
  expect(config.uninstallIgnore).toEqual(['/gentoo/x/*']);
});

test('nothing is run, and what only a shell could tell is an error where it is needed', () => {
  using place = temporaryDirectory();
  const evil = `$(touch ${place.at('run')})`;
  write(place, {
    [CONF]: `MAKEOPTS="-j$(nproc)"\nJOBS=\`nproc\`\nA="${evil}"\nINSTALL_MASK="/a \${A}"\nFEATURES=\${X:-xattr}\n`,
  });
  const error = thrown(MergeError, () => readIn(place));
  expect(error.message.split('\n')).toEqual([
    `\`etc/portage/make.conf\`, line 5: FEATURES cannot be told: \`\${X:-xattr}\` would have to be run`,
    `\`etc/portage/make.conf\`, line 3: INSTALL_MASK cannot be told: \`${evil}\` would have to be run`,
  ]);
  expect(() => execFileSync('ls', [place.at('run')], { stdio: 'pipe' })).toThrow();
  expect(read({ [CONF]: 'MAKEOPTS="-j$(nproc)"\nINSTALL_MASK=/a' }).installMask).toBe('/a');
});

test('all that is wrong is told at once, by file and line', () => {
  expect(
    refusal({
      [CONF]: '# comment\nif true; then\nINSTALL_MASK="\n/a"\nhello world\nsource /nowhere\nFEATURES="open\n',
      'etc/env.d/10x': 'A==\nB C\x1b[2J\n',
    }),
  ).toEqual([
    '`etc/env.d/10x` line 2: it is no assignment',
    '`etc/portage/make.conf` line 2: it is no assignment',
    '`etc/portage/make.conf` line 5: it is no assignment',
    '`etc/portage/make.conf` line 7: a quote is never closed',
    '`etc/portage/make.conf` line 6: there is no `/nowhere`',
  ]);
  expect(refusal({}, { environment: { COLLISION_IGNORE: "'/a" } })).toEqual([
    "COLLISION_IGNORE has a quote that is never closed: `'/a`",
  ]);
});

test('sizes and depths are bounded', () => {
  expect(refusal({ [CONF]: Buffer.alloc(2 << 20, 0x23) })).toEqual([
    '`etc/portage/make.conf` is longer than 1048576 bytes',
  ]);
  expect(refusal({ [CONF]: `source ${CONF.replace('etc/portage/', '')}` })).toEqual([
    '`etc/portage/make.conf` lies deeper than 16 directories or files that read each other',
  ]);
  const twice = `INSTALL_MASK=12345678\n${'INSTALL_MASK="$INSTALL_MASK$INSTALL_MASK"\n'.repeat(60)}`;
  expect(refusal({ [CONF]: twice })).toEqual([
    '`etc/portage/make.conf`, line 19: INSTALL_MASK cannot be told: it is longer than 1048576 bytes',
  ]);
  const many = Object.fromEntries(Array.from({ length: 1002 }, (_, i) => [`${CONF}/${i}`, 'A=1']));
  expect(refusal(many)).toEqual(['`etc/portage/make.conf/998` is one of more than 1000 files']);
  expect(refusal({ [CONF]: 'source a\nsource a', 'etc/portage/a': 'source a\nsource a' })).toEqual([
    '`etc/portage/a` lies deeper than 16 directories or files that read each other',
    '`etc/portage/a` is one of more than 1000 files',
  ]);
});

test('what is no file, or cannot be read, is told', () => {
  using place = temporaryDirectory();
  mkdirSync(place.at('etc/portage'), { recursive: true });
  const fs = linuxPort();
  const portage = fs.openRoot(toBytes(place.at('etc/portage')));
  fs.mknod(portage, ascii('make.conf'), 'fifo', 0o600, 0);
  fs.closeDir(portage);
  symlinkSync('make.conf2', place.at('etc/portage/make.conf2'));
  symlinkSync('portage/make.conf2', place.at('etc/make.conf'));
  expect(thrown(MergeError, () => readIn(place)).problems.map(({ path }) => path)).toEqual(['etc/make.conf', CONF]);
});

/** Every piece means the same to a shell, and is closed. */
const piece = fc.oneof(
  fc.constantFrom('a', 'b/c', '-x', '=', '+', '*', '#', '\\ ', '\\$', '\\"', "\\'", '\\\\', '\\\n', '\xe4', '$', '%'),
  fc.constantFrom(
    "'single $A'",
    "''",
    "'#'",
    "'\n'",
    "'\\'",
    '""',
    '"double  $A\n#"',
    `"\${A}b"`,
    '"\\$A"',
    '"\\n\\\\"',
    '"\\\n"',
    '"\'"',
  ),
  fc.constantFrom('$A', `\${A}`, '$B', `\${B}`, '$unset', `"\${B}"`),
);
const value = fc.array(piece, { maxLength: 5 }).map((parts) => parts.join(''));
const end = fc.constantFrom('\n', '\n\n# no\n', ' # no\n', ';');
const script = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom('A', 'B', '  B', 'A=1;B', 'A= B'), value, fc.oneof(end, fc.constant(' '))),
      // For a shell the words after `export` all come before the first of them is set.
      fc.tuple(fc.constant('\nexport A'), value, end),
    ),
    { maxLength: 6 },
  )
  .map((lines) => lines.map(([name, text, after]) => `${name}=${text}${after}`).join(''))
  // A dollar alone means something to a shell before some of them.
  .filter((text) => !/\$(?:\w*\\\n|[-$*#'"])/.test(text));

/** What A and B are after the assignments, or what was wrong. */
function evaluate(text: string): unknown {
  const { statements, problems } = parseAssignments(ascii(text));
  const variables = new Map<string, string>([
    ['A', ''],
    ['B', ''],
  ]);
  const expand = (each: Piece) =>
    typeof each === 'string' ? each : 'variable' in each ? (variables.get(each.variable) ?? '') : 'unknown';
  for (const statement of statements)
    if (statement.kind === 'assign') variables.set(statement.name, statement.value.map(expand).join(''));
  return problems.length > 0 ? problems : [...variables.values()];
}

toolTest('bash', 'assignments mean what they mean to a shell', () => {
  const scripts = fc.sample(script, { numRuns: 3000, seed: 1 });
  const separator = '\x01\x02';
  const input = scripts
    .map((text) => `A= B=\n${text}\nprintf '%s' "$A" $'\\x01\\x02' "$B" $'\\x01\\x02\\x03'\n`)
    .join('');
  const output = execFileSync('bash', ['--norc', '-f'], {
    input: Buffer.from(input, 'latin1'),
    env: { LC_ALL: 'C' },
    encoding: 'latin1',
  });
  const answers = output.split(`${separator}\x03`).map((each) => each.split(separator));
  expect(answers.length).toBe(scripts.length + 1);
  const wrong = scripts.map((text, i) => ({ text, ours: evaluate(text), bash: answers[i] }));
  expect(wrong.filter(({ ours, bash }) => JSON.stringify(ours) !== JSON.stringify(bash))).toEqual([]);
});
