/** Looks once at the boundaries below the directory that is named. Its calls are counted, so it loads no more than it needs. */
import { boundariesUnder } from '../../src/mounts/boundaries.ts';

boundariesUnder(process.argv[2] as string);
