/** Looks once at the boundaries below the directory that is named. */
import { boundariesUnder } from '../../src/index.ts';

boundariesUnder(process.argv[2] as string);
