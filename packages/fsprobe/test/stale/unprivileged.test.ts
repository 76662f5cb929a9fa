import { runInNamespace } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect } from '@jest/globals';
import { HABITATS } from './zoo.ts';

const script = new URL('./unprivileged-script.ts', import.meta.url);

describe.each(Object.keys(HABITATS))('an ordinary user, on %s', (kind) => {
  rootTest('finds what is stale of his own, and is told how many he could not read', async () => {
    const found = JSON.parse(await runInNamespace(script, [kind])) as Record<string, unknown>;
    expect(found).toMatchObject({ clean: 0, others: 0, hidden: false, processes: 4, unread: 1 });
    expect(found.replaced).toEqual([
      'replaced-executable high',
      expect.stringMatching(/^replaced-library (?:high|medium)$/),
    ]);
  });
});

rootTest('what a /proc hides is said, and is not taken for clean', async () => {
  const scanned = async (option: string) => JSON.parse(await runInNamespace(script, ['tmpfs', option])) as object;
  expect(await scanned('hidepid=noaccess')).toMatchObject({ processes: 4, unread: 1, hidden: false });
  expect(await scanned('hidepid=invisible')).toMatchObject({ processes: 3, unread: 0, hidden: true });
  expect(await scanned('hidepid=ptraceable')).toMatchObject({ processes: 3, unread: 0, hidden: true });
});
