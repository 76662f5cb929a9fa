/** What a child of a probe says is believed only where a probe says it: anything else is an end with a reason. */
import { ascii } from '@emplace/syscalls';
import { describe, expect, test } from '@jest/globals';
import { parseMessage } from '../../src/rename-shapes/messages.ts';
import { watched } from '../../src/rename-shapes/watched.ts';

const limits = { start: 10_000, work: 10_000, rename: 10_000 };

/** What becomes of a child that writes this and ends, or waits. */
function said(text: string, then: string) {
  const source = `require('fs').writeSync(1, ${JSON.stringify(text)}); ${then}`;
  const start = { command: process.execPath, args: ['-e', source], input: '', options: { cwd: '/' } };
  return watched('look', { path: ascii('/') }, limits, undefined, start);
}

const forever = 'setInterval(() => {}, 1000);';

describe('a child of a probe', () => {
  test('that is killed in the middle of a line has not said it', async () => {
    expect(await said('{"say":"done"', "process.kill(process.pid, 'SIGKILL');")).toMatchObject({
      end: 'failed',
      why: 'its process ended with SIGKILL',
    });
  });

  test.each(['hello', '', 'null', '7', '{"say":"done"}}', '{"say":"gone"}', '{"say":"step","step":"jump"}'])(
    'that says %j is ended, and not believed',
    async (line) => {
      expect(await said(`${line}\n`, forever)).toMatchObject({
        end: 'failed',
        why: 'its process said something that no probe says',
      });
    },
  );

  test('says what to other readers of lines is two of them', async () => {
    const why = 'a\u2028b';
    expect(await said(`${JSON.stringify({ say: 'failed', why })}\n`, '')).toMatchObject({ end: 'failed', why });
  });
});

test.each([
  { say: 'refused', code: 'EIO', call: 'open' },
  { say: 'refused', code: 'EIO', call: 'open', paths: [7] },
  { say: 'refused', code: 5, call: 'open', paths: [] },
  { say: 'failed' },
  { say: 'done', identity: 7 },
  { say: 'done', before: { sec: '1', nsec: 0 } },
  { say: 'done', report: { shapes: {}, left: [] } },
  { say: 'done', report: null },
])('%j is no message', (message) => {
  expect(parseMessage(JSON.stringify(message))).toBeUndefined();
});
