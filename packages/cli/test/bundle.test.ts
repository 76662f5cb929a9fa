/** What makes the bundle start fast, and what clears away older ones. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { mountTmpfs, temporaryDirectory, unmount } from '@emplace/fixtures';
import { rootTest } from '@emplace/fixtures/jest';
import { describe, expect, test } from '@jest/globals';
import { lazily } from '../build/lazily.ts';
import { removeOld } from '../build/remove-old.ts';

const REQUIRES = /^ *(?:var )?(import_\w+) = (require\(.*\));$/gm;

describe('what is required at each use', () => {
  test('is not required before it', () => {
    const text =
      'var import_a = require("a");\nvar import_a2 = require("a2");\nexports.act = () => import_a2.act(import_a.b);\n';
    const required: string[] = [];
    const require = (name: string) => {
      required.push(name);
      return { b: 1, act: (value: number) => value + 1 };
    };
    const module: { act?: () => number } = {};
    new Function('exports', 'require', lazily(text, REQUIRES))(module, require);
    expect(required).toEqual([]);
    expect([module.act?.(), module.act?.()]).toEqual([2, 2]);
    expect(required).toEqual(['a2', 'a']);
  });

  test('may be declared twice', () => {
    const text = 'var import_a, other;\nvar init = () => {\n  import_a = require("a");\n};\nimport_a.act();\n';
    expect(lazily(text, REQUIRES)).toContain('(import_a ??= require("a")).act();');
  });

  test.each(['act(import_a);', 'import_a?.act();', 'import_a["act"]();', 'const { act } = import_a;'])(
    'is nothing that is used as a value, where it would be undefined: %s',
    (use) => {
      expect(() => lazily(`var import_a = require("a");\n${use}\n`, REQUIRES)).toThrow(use);
    },
  );
});

describe('older builds', () => {
  /** @param names of directories with a file, made an hour ago */
  function fill(top: string, names: readonly string[]): void {
    for (const name of names) {
      mkdirSync(`${top}/${name}`, { recursive: true });
      writeFileSync(`${top}/${name}/main.cjs`, '');
      utimesSync(`${top}/${name}`, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);
    }
  }

  test('go when they are old, and no other', () => {
    using work = temporaryDirectory();
    fill(work.path, ['current', 'old']);
    mkdirSync(work.at('young'));
    expect(removeOld(work.path, ['current'], 60_000)).toEqual([]);
    expect(readdirSync(work.path)).toEqual(['current', 'young']);
  });

  rootTest('that cannot be removed stay, and it is said why', () => {
    using work = temporaryDirectory();
    fill(work.path, ['a', 'b', 'c']);
    mountTmpfs(work.at('b/cache'));
    try {
      utimesSync(work.at('b'), 1, 1);
      expect(removeOld(work.path, [], 60_000)).toEqual([
        expect.stringContaining(`\`${work.at('b')}\` cannot be removed`),
      ]);
      expect(readdirSync(work.path)).toEqual(['b']);
    } finally {
      unmount(work.at('b/cache'));
    }
  });
});
