import { countCalls, Stopped, stopAfter } from '@emplace/fixtures/faults';
import type { FsPort } from '@emplace/fsprobe';
import { describe, expect, test } from '@jest/globals';
import type { ConfigAction } from '../../src/index.ts';
import { configWorld, edited, etc, MERGED, MINE, readIn, settleAll, THEIRS } from './config-world.ts';

const cases: readonly { readonly action: ConfigAction; readonly after: string }[] = [
  { action: { how: 'accept' }, after: THEIRS },
  { action: { how: 'reject' }, after: MINE },
  { action: { how: 'merge', content: Buffer.from(MERGED) }, after: MERGED },
];

function wasStopped(error: unknown): boolean {
  if (error instanceof Stopped) return true;
  return error instanceof SuppressedError && (wasStopped(error.error) || wasStopped(error.suppressed));
}

/** @returns whether it was stopped */
function stop(fs: FsPort, action: ConfigAction, calls: number): boolean {
  try {
    settleAll(stopAfter(fs, calls), action);
    return false;
  } catch (error) {
    if (wasStopped(error)) return true;
    throw error;
  }
}

describe.each(cases)('$action.how, killed at any call', ({ action, after }) => {
  const before = configWorld(edited);
  const done = before.clone();
  const counted = countCalls(done);
  settleAll(counted, action);
  const total = counted.calls;

  test('leaves the old file or the new one, and ends the same when it is done again', () => {
    let settled = 0;
    for (let calls = 1; calls <= total; calls++) {
      const fs = before.clone();
      expect({ calls, stopped: stop(fs, action, calls) }).toEqual({ calls, stopped: true });
      fs.crash();
      const content = readIn(fs, 'etc/app.conf');
      expect({ calls, content: [MINE, after].includes(content) }).toEqual({ calls, content: true });
      // The newest goes last: as long as there is something left to do it is there to be settled once more.
      const waits = etc(fs).some((line) => line.startsWith('etc/._cfg0003_'));
      if (!waits) {
        settled++;
        expect(content).toBe(after);
        expect(readIn(fs, 'var/lib/emplace/pristine/etc/app.conf')).toBe(THEIRS);
      }
      settleAll(fs, action);
      expect({ calls, etc: etc(fs) }).toEqual({ calls, etc: etc(done) });
      expect(readIn(fs, 'var/lib/emplace/pristine/etc/app.conf')).toBe(THEIRS);
    }
    expect(settled).toBeGreaterThan(0);
    expect(settled).toBeLessThan(total);
  });
});
