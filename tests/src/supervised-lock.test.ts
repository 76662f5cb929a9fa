/** One lock for all movers of a merge, and none of their calls made by who supervises them. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '@emplace/fixtures';
import { rootTest, testWith } from '@emplace/fixtures/jest';
import { commandHook, MergeError, merge } from '@emplace/merge-core';
import { expect } from '@jest/globals';
import { emplace, start, twoTrees } from './running.ts';

const snatcher = fileURLToPath(new URL('./children/snatch-lock.ts', import.meta.url));

rootTest(
  'a mover that is killed hands its lock on: nobody gets in before the second one has settled (G5)',
  async () => {
    using work = temporaryDirectory();
    const [image, root] = twoTrees(work);
    for (const name of ['image', 'root']) cpSync(work.at(name), work.at(`${name}-0`), { recursive: true });
    const node = ['--conditions=@emplace/source', '--disable-warning=ExperimentalWarning', snatcher];
    const [stop, refused] = [work.at('stop'), work.at('refused')];
    const other = spawn(process.execPath, [...node, root, stop, refused], { stdio: ['ignore', 'pipe', 'inherit'] });
    const found = text(other.stdout);
    // One before the commit point is ended; the other one waits until the lock was refused, by a mover that is dead.
    const hook = `rm -f '${refused}'; until [ -e '${refused}' ]; do sleep 0.05; done`;
    // In a phase the mover may be further when the kill comes; while a hook runs it waits, so what follows is known.
    const told: Record<string, string> = { 'pre-commit': 'old', 'post-commit': 'new' };
    for (const victim of ['plan', 'preflight', 'stage', 'commit', 'clean-up', 'pre-commit', 'post-commit']) {
      for (let round = 0; round < 3; round++) {
        for (const name of ['image', 'root']) {
          rmSync(work.at(`${name}/d`), { recursive: true, force: true });
          cpSync(work.at(`${name}-0`), work.at(name), { recursive: true });
        }
        let mover = 0;
        const ended = await merge({
          image,
          root,
          sync: 'none',
          lockTimeoutMs: 60_000,
          hooks: victim in told ? [commandHook(`${victim}=${hook}`)] : [],
          onEvent: (event) => {
            if (event.type === 'mover') mover ||= event.pid;
            const at = event.type === 'phase' || event.type === 'hook-started' ? event.phase : undefined;
            if (at === victim) spawnSync('kill', ['-KILL', String(mover)]);
          },
        }).catch((error: unknown) => error);
        const tree = [...new Set(['a', 'b', 'c'].map((name) => readFileSync(`${root}/d/${name}`, 'utf8')))].join();
        if (ended instanceof MergeError) {
          expect(ended).toMatchObject({ code: 'MOVER_DIED' });
          expect(['refused', 'rolled-back']).toContain(ended.outcome);
          expect(tree).toBe('old');
        } else expect({ ended, tree }).toMatchObject({ ended: { outcome: 'merged' }, tree: 'new' });
        expect(tree).toBe(told[victim] ?? tree);
      }
    }
    writeFileSync(stop, '');
    expect(JSON.parse(await found)).toEqual([]);
    expect(readdirSync(root)).toEqual(['d']);
  },
);

testWith(
  { root: true, tools: ['strace'] },
  'who supervises a merge asks nothing of image and root, which may never answer',
  async () => {
    using work = temporaryDirectory();
    const [image, root] = twoTrees(work);
    const trace = work.at('trace');
    const run = start(
      ['merge', image, '--root', root, '--sync', 'none'],
      [
        ...['strace', '-f', '-qq', '-s', '4096', '-e', 'trace=%file,fchdir,clone,clone3,fork,vfork'],
        ...['-e', 'signal=none', '-o', trace, emplace],
      ],
    );
    const mover = String(await run.mover);
    expect((await run.ended).status).toBe(0);
    const lines = readFileSync(trace, 'latin1').split('\n');
    const calls = lines.map((line) => /^(\d+) +(.*)$/s.exec(line)?.slice(1) as [string, string] | undefined);
    // Who was started by the mover, or is a thread of it, is not the supervisor.
    const others = new Set([mover]);
    for (const call of calls) {
      const child = /^(?:<\.\.\. )?(?:clone3?|v?fork)\b.* = (\d+)$/.exec(call?.[1] ?? '')?.[1];
      if (child !== undefined && others.has(call?.[0] ?? '')) others.add(child);
    }
    const isOfTrees = ([, what]: [string, string]): boolean => what.includes(`"${image}`) || what.includes(`"${root}`);
    const found = calls.filter((call) => call !== undefined && isOfTrees(call) && !call[1].startsWith('execve('));
    // The mover's own are there to be seen.
    expect(found.filter((call) => others.has(call?.[0] ?? '')).length).toBeGreaterThan(0);
    expect(found.filter((call) => !others.has(call?.[0] ?? ''))).toEqual([]);
  },
);
