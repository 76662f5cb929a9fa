/** `emplace scan` on real processes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { type TemporaryDirectory, temporaryDirectory, USER } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { scanSchema } from '../../packages/cli/src/render/scan/schema.ts';
import { emplace } from './running.ts';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function scan(args: readonly string[], env: object = {}): Ran {
  const { status, stdout, stderr } = spawnSync(emplace, ['scan', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

function scanJson(args: readonly string[]): { status: number | null; processes: readonly Found[]; counts: object } {
  const { status, stdout } = scan([...args, '--json']);
  return { status, ...scanSchema().parse(JSON.parse(stdout)) };
}

type Found = ReturnType<ReturnType<typeof scanSchema>['parse']>['processes'][number];

const ESCAPE = '\u001b';

/** A running program that can be replaced. */
class Program implements AsyncDisposable {
  readonly work: TemporaryDirectory = temporaryDirectory();
  readonly path: string;
  readonly child: ChildProcess;

  constructor(name = 'program', user?: number) {
    this.path = this.work.at(name);
    for (const open of [this.work.path, dirname(this.work.path)]) chmodSync(open, 0o755);
    copyFileSync('/bin/sleep', this.path);
    this.child = spawn(this.path, ['1000'], {
      stdio: 'ignore',
      ...(user === undefined ? {} : { uid: user, gid: user }),
    });
  }

  get pid(): string {
    return `${this.child.pid}`;
  }

  /** As an upgrade does it. */
  replace(): void {
    copyFileSync('/bin/sleep', this.work.at('new'));
    renameSync(this.work.at('new'), this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill();
    await once(this.child, 'exit');
    this.work[Symbol.dispose]();
  }
}

beforeAll(() => {
  // What Node looks at for colours (tty.WriteStream.getColorDepth): CI has it, and workers of Jest get some of it.
  for (const name of ['CI', 'NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'COLORTERM']) delete process.env[name];
  // The first start of a checkout installs and builds.
  expect(spawnSync(emplace, ['--version']).status).toBe(0);
}, 300_000);

describe('a program that is replaced while it runs', () => {
  test('is named, and was not before', async () => {
    await using program = new Program();
    expect(scan(['--pid', program.pid]).stdout).toMatch(/^nothing found in 1 process \(/);
    program.replace();
    const { status, processes } = scanJson(['--pid', program.pid]);
    expect(status).toBe(0);
    expect(processes).toMatchObject([
      {
        pid: program.child.pid,
        findings: [{ class: 'replaced-executable', held: 'exe', path: program.path, leaks: false }],
      },
    ]);
    expect(scan(['--pid', program.pid]).stdout).toMatch(/ 1 {2}replaced-executable 1 /);
    expect(scan(['--pid', program.pid, '-v']).stdout).toContain(`\`${program.path} (deleted)\``);
  });

  test('is passed over where the filters leave it out', async () => {
    await using program = new Program();
    program.replace();
    const pid = ['--pid', program.pid];
    const me = `${process.getuid?.()}`;
    for (const more of [
      ['--class', 'deleted,image-path'],
      ['--user', '4242'],
    ])
      expect(scanJson([...pid, ...more]).processes).toEqual([]);
    for (const more of [
      ['--class', 'replaced-executable'],
      ['--user', me],
      ['--user', `4242,${me}`],
    ])
      expect(scanJson([...pid, ...more]).processes).toHaveLength(1);
    expect(scanJson(['--pid', `1,${program.pid}`]).counts).toMatchObject({ processes: 2 });
  });

  test('leaks the path of an image when its directory is said to be one', async () => {
    await using program = new Program();
    program.replace();
    const { processes } = scanJson(['--pid', program.pid, '--image-dir', program.work.path]);
    expect(processes).toMatchObject([{ findings: [{ class: 'image-path', leaks: true }] }]);
  });

  test('with a hostile name does nothing to a terminal', async () => {
    await using program = new Program(`a${ESCAPE}[2J\nforged.service  9`);
    program.replace();
    for (const args of [[], ['-v'], ['--json'], ['--by', 'process']]) {
      const { status, stdout } = scan(['--pid', program.pid, ...args]);
      expect(status).toBe(0);
      expect(stdout).not.toMatch(/[^\P{C}\n]/u);
      expect(stdout).not.toMatch(/^forged/m);
    }
  });
});

describe('--fail-on', () => {
  test('exits with 7 when one of its classes is found, with 0 otherwise', async () => {
    await using program = new Program();
    const pid = ['--pid', program.pid];
    expect(scan([...pid, '--fail-on', 'any']).status).toBe(0);
    program.replace();
    for (const [classes, status] of [
      ['replaced-executable', 7],
      ['image-path,replaced-executable', 7],
      ['any', 7],
      ['image-path,deleted', 0],
    ] as const)
      expect({ classes, status: scan([...pid, '--fail-on', classes, '--json']).status }).toEqual({ classes, status });
  });

  test('looks at open files when those are what it names', async () => {
    using work = temporaryDirectory();
    copyFileSync('/bin/sleep', work.at('log'));
    const child = spawn('sh', ['-c', `exec 5<'${work.at('log')}' && echo && exec sleep 1000`]);
    try {
      await once(child.stdout, 'data');
      copyFileSync('/bin/sleep', work.at('new'));
      renameSync(work.at('new'), work.at('log'));
      expect(scan(['--pid', `${child.pid}`, '--fail-on', 'any']).status).toBe(0);
      expect(scan(['--pid', `${child.pid}`, '--fail-on', 'replaced-descriptor']).status).toBe(7);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });

  test.each([
    ['what the filter leaves out', ['--class', 'deleted', '--fail-on', 'image-path'], /`--class` leaves it out/],
    ['a user that there is not', ['--user', 'no such user'], /there is no user `no such user`/],
  ])('%s is refused: it would find nothing for ever', (_, args, message) => {
    const { status, stdout } = scan([...args, '--json']);
    expect({ status, json: JSON.parse(stdout) }).toMatchObject({
      status: 2,
      json: { error: { code: 'BAD_OPTION', message: expect.stringMatching(message) } },
    });
  });

  test('an image directory without a name is refused: it would be the working directory', () => {
    const { status, stderr } = scan(['--image-dir', '']);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('BAD_OPTION') });
  });

  test('a class that there is not is refused', () => {
    expect(scan(['--fail-on', 'stale']).status).toBe(2);
    expect(scan(['--class', 'stale']).status).toBe(2);
  });
});

describe('files', () => {
  test('are written whole, the page for its owner and the metrics for a collector', async () => {
    await using program = new Program();
    program.replace();
    const [page, metrics] = [program.work.at('page.html'), program.work.at('emplace.prom')];
    const { status, stdout } = scan(['--pid', program.pid, '--html', page, '--prometheus', metrics]);
    expect(status).toBe(0);
    expect(stdout).toContain('replaced-executable 1');
    expect(readFileSync(metrics, 'utf8')).toContain('emplace_scan_findings{class="replaced-executable"} 1\n');
    expect(readFileSync(page, 'utf8')).toContain(program.path);
    expect([page, metrics].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o644]);
  });

  test('that cannot be written are an error with a code of its own', () => {
    const { status, stdout } = scan(['--prometheus', '/no/such/directory/emplace.prom', '--json']);
    expect({ status, json: JSON.parse(stdout) }).toMatchObject({
      status: 3,
      json: {
        error: { code: 'OUTPUT_UNWRITABLE', message: expect.stringContaining('/no/such/directory/emplace.prom') },
      },
    });
  });
});

describe('--watch', () => {
  test('tells again and again as JSON lines, until SIGINT: the code is that of the last scan', async () => {
    await using program = new Program();
    const args = ['scan', '--pid', program.pid, '--watch', '1', '--fail-on', 'any', '--json'];
    const child = spawn(emplace, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    const found: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      found.push(scanSchema().parse(JSON.parse(line)).processes.length);
      if (found.length === 1) program.replace();
      if (found.at(-1) === 1) child.kill('SIGINT');
    }
    expect(found[0]).toBe(0);
    expect(found.at(-1)).toBe(1);
    expect(await ended).toEqual([7, null]);
  });

  test('ends with 0 when nothing is found', async () => {
    await using program = new Program();
    const child = spawn(emplace, ['scan', '--pid', program.pid, '--watch'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  test('goes on where a file cannot be written for a while, and says so: the code is that of the last scan', async () => {
    await using program = new Program();
    using work = temporaryDirectory();
    const place = work.make('place');
    const args = ['scan', '--pid', program.pid, '--watch', '1', '--prometheus', `${place}/emplace.prom`];
    const child = spawn(emplace, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    while (!existsSync(`${place}/emplace.prom`)) await turn();
    renameSync(place, work.at('away'));
    const told: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      told.push(line);
      if (told.length === 2) child.kill('SIGINT');
    }
    expect(told).toEqual([1, 2].map(() => `\`${place}/emplace.prom\` cannot be written (ENOENT)`));
    expect(await ended).toEqual([3, null]);
  });

  test('ends when nobody reads it any more', async () => {
    await using program = new Program();
    const command = `'${emplace}' scan --pid ${program.pid} --watch 1 --json | head -n 1`;
    const { status, stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});

/** What a terminal of 80 columns is sent. */
function onTerminal(command: string, env: object = {}): string {
  const { stdout } = spawnSync('script', ['-qec', `stty cols 80 rows 24; ${command}`, '/dev/null'], {
    encoding: 'utf8',
    // CI, as Node has it, is no terminal for colours.
    env: { ...process.env, TERM: 'xterm-256color', CI: undefined, ...env },
  });
  return stdout;
}

describe('on a terminal', () => {
  test('there are colours, but not with NO_COLOR; nowhere is one without a word', async () => {
    await using program = new Program();
    program.replace();
    const command = `'${emplace}' scan --pid ${program.pid}`;
    expect(onTerminal(command)).toContain(`${ESCAPE}[1mSERVICE`);
    expect(onTerminal(command, { NO_COLOR: '1' })).not.toContain(ESCAPE);
    expect(scan(['--pid', program.pid]).stdout).not.toContain(ESCAPE);
  });

  test('a watch draws over what it showed, until Ctrl-C', async () => {
    await using program = new Program();
    // Without exec a shell may wait for it, and end by the signal itself.
    const command = `exec '${emplace}' scan --pid ${program.pid} --watch 1`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    let told = '';
    for await (const chunk of child.stdout) {
      told += chunk;
      if (!child.stdin.writableEnded && told.split(`${ESCAPE}[H${ESCAPE}[2J`).length > 2) child.stdin.end('\x03');
    }
    expect(await ended).toEqual([0, null]);
  });
});

describe('what cannot be read', () => {
  rootTest('is counted for an ordinary user, whose own processes are told', async () => {
    await using own = new Program('own', USER);
    await using other = new Program('other');
    for (const program of [own, other]) program.replace();
    const args = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', emplace, 'scan'];
    const run = (...more: string[]): Ran => spawnSync('setpriv', [...args, ...more], { encoding: 'utf8' });
    const { status, stdout } = run('--json');
    const { processes, counts } = scanSchema().parse(JSON.parse(stdout));
    expect(status).toBe(0);
    const pids = processes.map(({ pid }) => pid);
    expect(pids).toContain(own.child.pid);
    expect(pids).not.toContain(other.child.pid);
    expect(counts.unread).toBeGreaterThan(0);
    expect(run().stderr).toContain('run as root');
  });

  rootTest('no /proc is an error, and no empty report', () => {
    const script = 'mount -t tmpfs none /proc && exec "$0" scan --json';
    const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', script, emplace];
    const { status, stdout } = spawnSync('unshare', unshare, { encoding: 'utf8' });
    expect({ status, json: JSON.parse(stdout) }).toMatchObject({
      status: 3,
      json: { error: { code: 'PROC_UNAVAILABLE' } },
    });
  });
});
