/**
 * Probes a site in a process of its own, for a file system that may not answer.
 *
 *   node probe-child.ts SOURCE TARGET
 *
 * Prints the facts in the oracle's words as JSON, or `{"error": "ENOENT"}`.
 */
import { probeSite } from '@emplace/fsprobe';
import { isErrno } from '@emplace/syscalls';
import { inWords } from './oracle.ts';

const [source = '', target = ''] = process.argv.slice(2);
try {
  console.log(JSON.stringify(inWords(probeSite(source, target).facts)));
} catch (error) {
  if (!isErrno(error)) throw error;
  console.log(JSON.stringify({ error: error.code }));
}
