/** Running programs whose files are replaced in every way there is, on every kind of file system: each is classed right. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isRoot, rootTest } from '@emplace/fixtures/jest';
import { AT_FDCWD, RENAME_EXCHANGE, renameat2, toBytes } from '@emplace/syscalls';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { aged, classes, type Den, HABITATS, type Habitat, habitat } from './zoo.ts';

interface Case {
  /** What happens to the files of a running program. */
  readonly act: (den: Den) => void;
  readonly found: readonly string[];
}

const PORTAGE = 'var/tmp/portage/app-misc/it-1/image';

function exchange(one: string, other: string): void {
  renameat2(AT_FDCWD, toBytes(one), AT_FDCWD, toBytes(other), RENAME_EXCHANGE);
}

/** Puts the new program where Portage would unpack it. @returns its path there */
function unpack({ at }: Den): string {
  const image = at(`${PORTAGE}${at('program')}`);
  mkdirSync(dirname(image), { recursive: true });
  copyFileSync(at('new-program'), image);
  return image;
}

const CASES: Readonly<Record<string, Case>> = {
  'nothing happens': { act: () => {}, found: [] },
  'the program is replaced by rename': {
    act: ({ at }) => renameSync(at('new-program'), at('program')),
    found: ['replaced-executable exe'],
  },
  'the library is replaced by rename': {
    act: ({ at }) => renameSync(at('new-library'), at('library')),
    found: ['replaced-library library'],
  },
  'both are replaced': {
    act: ({ at }) => {
      for (const name of ['program', 'library']) renameSync(at(`new-${name}`), at(name));
    },
    found: ['replaced-executable exe', 'replaced-library library'],
  },
  'both are removed': {
    act: ({ at }) => {
      for (const name of ['program', 'library']) unlinkSync(at(name));
    },
    found: ['deleted exe', 'deleted library'],
  },
  'the program is removed and made anew': {
    act: ({ at }) => {
      unlinkSync(at('program'));
      copyFileSync(at('new-program'), at('program'));
    },
    found: ['replaced-executable exe'],
  },
  'the program and the library are moved aside': {
    act: ({ at }) => {
      for (const name of ['program', 'library']) {
        renameSync(at(name), at(`${name}.old`));
        renameSync(at(`new-${name}`), at(name));
      }
    },
    found: ['moved-aside exe', 'moved-aside library'],
  },
  'the program is moved aside under a name that tells nothing': {
    act: ({ at }) => {
      renameSync(at('program'), at('kept'));
      renameSync(at('new-program'), at('program'));
    },
    found: ['moved-aside exe'],
  },
  'the program is moved, and nothing comes in its place': {
    act: ({ at }) => renameSync(at('program'), at('kept')),
    found: [],
  },
  'the program is exchanged with that of an image': {
    act: (den) => exchange(unpack(den), den.at('program')),
    found: ['image-path exe leaks'],
  },
  'the program is exchanged with that of an image, which is removed': {
    act: (den) => {
      exchange(unpack(den), den.at('program'));
      rmSync(den.at('var'), { recursive: true });
    },
    found: ['image-path exe leaks'],
  },
  'an image is merged by rename': {
    act: (den) => {
      renameSync(unpack(den), den.at('program'));
      rmSync(den.at('var'), { recursive: true });
    },
    found: ['replaced-executable exe'],
  },
  'the program is exchanged with a staged name': {
    act: ({ at }) => {
      renameSync(at('new-program'), at('.program.emplace-abcdefgh-s1'));
      exchange(at('.program.emplace-abcdefgh-s1'), at('program'));
    },
    found: ['staged-name exe leaks'],
  },
  'the program is exchanged with a staged name, which is removed': {
    act: ({ at }) => {
      renameSync(at('new-program'), at('program.dpkg-tmp'));
      exchange(at('program.dpkg-tmp'), at('program'));
      unlinkSync(at('program.dpkg-tmp'));
    },
    found: ['staged-name exe leaks'],
  },
  'a replacement is rolled back': {
    act: ({ at }) => {
      linkSync(at('program'), at('backup'));
      renameSync(at('new-program'), at('program'));
      renameSync(at('backup'), at('program'));
    },
    found: [],
  },
  'the program is replaced, and has a second name': {
    act: ({ at }) => {
      linkSync(at('program'), at('second'));
      renameSync(at('new-program'), at('program'));
    },
    found: ['replaced-executable exe'],
  },
  'the library is written to': {
    act: ({ at }) => {
      appendFileSync(at('library'), 'more');
      // Written to later than the second by which a clock may be off, in which the scan takes the future for the present.
      const soon = Date.now() / 1000 + 0.99;
      utimesSync(at('library'), soon, soon);
    },
    found: ['modified-in-place library'],
  },
  'the program is touched': { act: ({ at }) => utimesSync(at('program'), 5, 5), found: [] },
  'the program gets a name that ends as deleted ones do': {
    act: ({ at }) => renameSync(at('program'), at('program (deleted)')),
    found: [],
  },
  'one of such a name is replaced': {
    act: ({ at }) => {
      renameSync(at('program'), at('program (deleted)'));
      renameSync(at('new-program'), at('program (deleted)'));
    },
    found: ['replaced-executable exe'],
  },
  'a file of the name without the ending lies beside it': {
    act: ({ at }) => {
      renameSync(at('program'), at('other (deleted)'));
      renameSync(at('new-program'), at('other'));
    },
    found: [],
  },
};

const kinds = Object.keys(HABITATS);
describe.each(kinds)('on %s', (kind) => {
  let home: Habitat;
  beforeAll(() => {
    if (isRoot) home = habitat(kind, Object.keys(CASES));
  });
  afterAll(() => {
    if (isRoot) home[Symbol.dispose]();
  });

  for (const [name, { act, found }] of Object.entries(CASES)) {
    rootTest(`${name}: ${found.length === 0 ? 'nothing is found' : found.join(', ')}`, async () => {
      const den = home.den(name);
      await using program = await den.start();
      await aged();
      act(den);
      expect(classes(program)).toEqual(found);
      if (![den.at('program'), den.at('library')].every(existsSync)) return;
      await using startedAfterwards = await den.start();
      expect(classes(startedAfterwards)).toEqual([]);
    });
  }
});
