/**
 * A caller of the probe in a process of its own: prints what the probe says, and has nothing more to do.
 *
 *   node caller-script.ts async|sync DIRECTORY TIMEOUT-MS
 */
import { probeRename, probeRenameSync } from '@emplace/fsprobe';
import { toBytes } from '@emplace/syscalls';

const [form, dir = '', timeoutMs] = process.argv.slice(2);
const options = { timeoutMs: Number(timeoutMs) };
const probe = form === 'sync' ? probeRenameSync : probeRename;
console.log(JSON.stringify(await probe(toBytes(dir), options)));
