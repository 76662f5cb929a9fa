import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MergeError, REQUEST_BYTES_MAX, readRequest, requestJsonSchema } from '@emplace/merge-core';
import { describe, expect, test } from '@jest/globals';

const smallest = { version: 1, operation: 'merge', root: '/mnt', image: 'image' };
const CAFE = Buffer.from('caf\xe9', 'latin1');

function read(value: unknown): ReturnType<typeof readRequest> {
  return readRequest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

async function refused(content: Uint8Array | unknown): Promise<{ readonly code: string; readonly messages: string[] }> {
  const promise = content instanceof Uint8Array ? readRequest(content) : read(content);
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MergeError)) throw new Error(`it was not refused: ${String(error)}`);
  return {
    code: error.code,
    messages: error.problems.length > 0 ? error.problems.map((one) => one.message) : [error.message],
  };
}

test('a request has the options of the library, and paths of any bytes', async () => {
  const base64 = CAFE.toString('base64');
  const ledger = {
    package: 'app-misc/app-1',
    vdb: { base64 },
    configProtect: ['/etc', { base64 }],
    installMask: '/usr/share/man',
    environment: { FEATURES: '-protect-owned' },
  };
  expect(await read({ ...smallest, image: { base64 }, sync: 'none', ledger, hooks: ['post-commit=true'] })).toEqual({
    operation: 'merge',
    options: {
      ...{ root: '/mnt', image: CAFE, sync: 'none' },
      ledger: { ...ledger, vdb: CAFE, configProtect: ['/etc', CAFE] },
      hooks: [expect.objectContaining({ phase: 'post-commit' })],
    },
  });
  expect(await read({ version: 1, operation: 'unmerge', root: 'é', ledger: { contents: '/mnt/list' } })).toEqual({
    operation: 'unmerge',
    options: { root: 'é', ledger: { contents: '/mnt/list' }, hooks: [] },
  });
});

test.each([
  ['a key that there is not', { ...smallest, imgae: 'x' }, /Unrecognized key: "imgae"/],
  ['one below', { ...smallest, ledger: { slots: '0' } }, /`ledger`: Unrecognized key: "slots"/],
  ['a variable that bears on nothing', { ...smallest, ledger: { environment: { PATH: '/bin' } } }, /"PATH"/],
  [
    'an option of the other operation',
    { version: 1, operation: 'unmerge', root: '/', ledger: {}, image: 'x' },
    /"image"/,
  ],
  ['another version', { ...smallest, version: 2 }, /`version`: .*expected 1/],
  ['an unknown operation', { ...smallest, operation: 'recover' }, /`operation`/],
  ['no image', { ...smallest, image: undefined }, /`image`: a path is text/],
  ['an empty path', { ...smallest, root: '' }, /`root`/],
  ['a path in no base64', { ...smallest, root: { base64: '***' } }, /`root`/],
  ['text that is no Unicode', { ...smallest, root: '\ud800' }, /`root`/],
  [
    'a package that is none',
    { ...smallest, ledger: { package: 'app' } },
    /`ledger.package`: a package is CATEGORY\/PF/,
  ],
  [
    'what an unmerge has no use for',
    { version: 1, operation: 'unmerge', root: '/', ledger: { package: 'a/b-1', preserveLibs: true, slot: '0' } },
    /Unrecognized keys: "preserveLibs", "slot"/,
  ],
  ['a list', [], /Invalid input/],
])('%s is refused by name', async (_, value, message) => {
  const { code, messages } = await refused(value);
  expect(code).toBe('REQUEST_INVALID');
  expect(messages.join('\n')).toMatch(message);
});

describe('what is no document', () => {
  test('is refused: no JSON, no UTF-8, or longer than anything that is', async () => {
    expect(await refused('{"version":1')).toMatchObject({ messages: [expect.stringContaining('no JSON')] });
    const latin1 = Buffer.from(JSON.stringify({ ...smallest, image: 'caf\xe9' }), 'latin1');
    expect(await refused(latin1)).toMatchObject({
      code: 'REQUEST_INVALID',
      messages: [expect.stringContaining('UTF-8')],
    });
    const long = Buffer.alloc(REQUEST_BYTES_MAX + 1, ' ');
    expect(await refused(long)).toMatchObject({ messages: [expect.stringContaining('longer')] });
  });

  test('has all that is wrong with it told at once, and nothing of it can move a cursor', async () => {
    const { messages } = await refused({ ...smallest, root: 5, undo: 'maybe', '\u001b[31m': 1 });
    expect(messages.map((message) => /`(\w+)`|key/.exec(message)?.[1])).toEqual(['root', 'undo', undefined]);
    expect(messages.join()).not.toContain('\u001b');
  });
});

test('docs/request.schema.json is what is checked: write it anew with scripts/request-schema.ts', async () => {
  const file = fileURLToPath(new URL('../../../../docs/request.schema.json', import.meta.url));
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(await requestJsonSchema());
});
