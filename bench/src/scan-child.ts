/** `scan-child.ts CALLS`: scans so often, and prints how many milliseconds the last one took. */
import { scan } from '@emplace/fsprobe';

let last = Number.NaN;
for (let call = 0; call < Number(process.argv[2]); call++) last = scan().durationMs;
console.log(last);
