/** Writes docs/request.schema.json anew, after what a request may say was changed. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requestJsonSchema } from '@emplace/merge-core';

const file = fileURLToPath(new URL('../docs/request.schema.json', import.meta.url));
writeFileSync(file, `${JSON.stringify(await requestJsonSchema(), undefined, 2)}\n`);
