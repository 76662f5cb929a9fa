import sequencer from '@jest/test-sequencer';

const Sequencer = sequencer.default ?? sequencer;

/** Minutes, not seconds: begun last, each of these would run alone while the other core waits. */
const LONG = [
  'tests/lab/power-cut.test.ts',
  'tests/lab/equal-to-rsync.test.ts',
  'tests/lab/every-call-fails.test.ts',
  'tests/lab/killed-at-every-call.test.ts',
  'tests/lab/killed-processes.test.ts',
  'tests/lab/two-mergers.test.ts',
  'tests/lab/hostile-neighbours.test.ts',
  'tests/lab/killed.test.ts',
  'tests/src/supervised.test.ts',
  'test/engine/stopped.test.ts',
  'tests/src/probe-command.test.ts',
];

/** The longest test files first, the others as Jest would have them. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const found = LONG.findIndex((name) => path.endsWith(name));
      return found === -1 ? LONG.length : found;
    };
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
}
