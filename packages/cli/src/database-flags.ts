import * as Flags from '@oclif/core/flags';

/** Exit code of a question: it was answered, and something is wrong. */
export const FOUND = 7;

/** Which package database a question is about. */
export const databaseFlags = {
  root: Flags.string({ required: true, helpValue: 'DIR', summary: 'the root directory; `/` must be said' }),
  vdb: Flags.string({
    helpValue: 'DIR',
    summary: "Portage's package database, a directory in the root; default `var/db/pkg` there",
  }),
};
