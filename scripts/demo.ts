/**
 * The main job on a real tree: version 1 of a package goes onto a fresh root, a program of it is started, version 2 is
 * merged over it while it runs. Everything happens in a temporary directory that is removed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { styleText } from 'node:util';
import { merge } from '@emplace/merge-core';

const title = (text: string): void => console.log(`\n${styleText('bold', text)}`);

/** The installed Node package: thousands of files and a real executable. Every checkout has it. */
function packageDirectory(): string {
  const name = `node-linux-${process.arch}/package.json`;
  return dirname(realpathSync(createRequire(import.meta.url).resolve(name)));
}

function buildImage(image: string, version: 1 | 2): void {
  const prefix = join(image, 'opt/node');
  mkdirSync(join(image, 'opt'), { recursive: true });
  cpSync(packageDirectory(), prefix, { recursive: true, filter: (path) => !path.endsWith('node_modules') });
  writeFileSync(join(prefix, 'VERSION'), `${version}\n`);
  if (version === 1) return;
  // Another version of the same program: bytes after an ELF file's last section change nothing that it does.
  appendFileSync(join(prefix, 'bin/node'), 'version 2');
  appendFileSync(join(prefix, 'README.md'), 'version 2\n');
  mkdirSync(join(prefix, 'share/doc/new'), { recursive: true });
  writeFileSync(join(prefix, 'share/doc/new/page'), 'new in version 2\n');
}

async function started(program: string): Promise<ChildProcess> {
  const child = spawn(program, ['-e', 'console.log("running"); process.stdin.resume()'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {},
  });
  if (child.stdout === null) throw new Error('bug: no pipe');
  await once(child.stdout, 'data');
  return child;
}

async function show(work: string): Promise<void> {
  const root = join(work, 'root');
  const image = join(work, 'image');
  mkdirSync(root);
  mkdirSync(image);

  title('1. Version 1 goes onto a fresh root');
  buildImage(image, 1);
  console.log(await merge({ image, root }));

  title('2. A process is started from it');
  const program = join(root, 'opt/node/bin/node');
  const child = await started(program);
  const link = `/proc/${child.pid}/exe`;
  console.log(`${link} -> ${readlinkSync(link)}`);

  try {
    title('3. Version 2 is merged over it while it runs');
    buildImage(image, 2);
    console.log(await merge({ image, root }));

    title('4. What the old process shows now');
    const shown = readlinkSync(link);
    console.log(`${link} -> ${shown}`);
    if (shown.includes(image) || shown.includes('.emplace')) throw new Error('the image path leaked');
    console.log(
      `its own inode ${statSync(link).ino}, the installed program's ${statSync(program).ino}: it runs on what was replaced`,
    );
  } finally {
    child.kill();
    await once(child, 'exit');
  }
}

const work = mkdtempSync(join(tmpdir(), 'emplace-demo-'));
try {
  await show(work);
  title('Done. The temporary directory is removed.');
} finally {
  rmSync(work, { recursive: true });
}
