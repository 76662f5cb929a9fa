/** Writes docs/scan.schema.json anew, after what `emplace scan --json` prints was changed. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scanJsonSchema } from '../packages/cli/src/render/scan/schema.ts';

const file = fileURLToPath(new URL('../docs/scan.schema.json', import.meta.url));
writeFileSync(file, `${JSON.stringify(scanJsonSchema(), undefined, 2)}\n`);
