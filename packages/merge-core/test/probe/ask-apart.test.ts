/** What a process that asks a file system says is believed only where a probe says it: anything else is no answer. */
import { ascii } from '@emplace/syscalls';
import { expect, test } from '@jest/globals';
import { askApart } from '../../src/probe/ask-apart.ts';
import { parseMessage } from '../../src/probe/messages.ts';

/** What comes of a process that writes this and ends, or waits. */
function said(text: string, then: string) {
  const source = `require('fs').writeSync(1, ${JSON.stringify(text)}); ${then}`;
  const questions = { source: ascii('/'), target: ascii('/'), leaks: false };
  return askApart(questions, 10_000, undefined, ['-e', source]);
}

test('a process that is killed in the middle of a line has not said it', async () => {
  const making = '{"say":"making","paths":["/a"]}\n';
  expect(await said(`${making}{"say":"making","paths":["/b"]`, "process.kill(process.pid, 'SIGKILL');")).toEqual({
    why: 'its process ended with SIGKILL',
    left: ['/a'],
  });
});

test.each(['hello', '', 'null', '{"say":"answered"}', '{"say":"making","paths":"/a"}'])(
  'a process that says %j is ended, and not believed',
  async (line) => {
    expect(await said(`${line}\n`, 'setInterval(() => {}, 1000);')).toEqual({
      why: 'its process said something that no probe says',
      left: [],
    });
  },
);

test.each([
  { say: 'asking' },
  { say: 'refused', code: 'EIO', call: 'open', paths: [7] },
  { say: 'failed', why: null },
  { say: 'answered', answers: { site: { site: {}, facts: {}, space: null, left: [] } } },
])('%j is no message', (message) => {
  expect(parseMessage(JSON.stringify(message))).toBeUndefined();
});
