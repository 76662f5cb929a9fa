/** The environment of the tests while mutants are tried: the first failure is enough, and what takes long waits for the second round. */
import { createRequire } from 'node:module';

// A dependency of Jest, not of ours.
const NodeEnvironment = createRequire(import.meta.url)(process.env.EMPLACE_MUTATION_ENVIRONMENT).TestEnvironment;

/** Tests that stop or fail a merge at each of its calls, and others of seconds. */
const SLOW = [
  'stopped after any call',
  'at any call',
  'when a call of a merge by',
  'that is killed leads to one version or the other',
  'is not recovered while Portage holds',
  'sizes and depths are bounded',
  'what is written is read back, and what would not be',
  'thousands of directories with symlinks',
  'one name in 20,000 directories',
  '40,000 entries with odd names',
];

/** Of those that are there for many kinds of merge, the kinds that have most in them. The others take minutes a mutant. */
const KEPT = [
  'a merge by copy across mounts',
  'a merge by auto, a mounted file in place',
  'an upgrade of everything else at once',
  'an unmerge',
];
const NEVER = /each recovery is itself stopped/;

export default class MutationEnvironment extends NodeEnvironment {
  #failed = false;

  async handleTestEvent(event) {
    if (event.name === 'test_start' && (this.#failed || !isWanted(nameOf(event.test)))) event.test.mode = 'skip';
    if (event.name === 'test_fn_failure') this.#failed = true;
  }
}

function isWanted(name) {
  const isSlow = SLOW.some((part) => name.includes(part));
  if (process.env.EMPLACE_MUTATION_ROUND === 'quick') return !isSlow;
  if (name.includes('stopped after any call') && !KEPT.some((kind) => name.startsWith(`${kind},`))) return false;
  return isSlow && !NEVER.test(name);
}

function nameOf(test) {
  const names = [test.name];
  for (let block = test.parent; block?.parent !== undefined; block = block.parent) names.unshift(block.name);
  return names.join(' ');
}
