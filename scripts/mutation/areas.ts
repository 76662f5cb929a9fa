/** What `pnpm mutate AREA` mutates and what has to notice. */
const TRANSACTION = 'packages/merge-core/src/transaction';

/** Globs of sources, `!` takes out. Walks that only gather what another part decides on, and types, are left out. */
export const AREAS: Readonly<Record<string, readonly string[]>> = {
  plan: ['packages/merge-core/src/plan/*.ts'],
  journal: [`${TRANSACTION}/{journal,journal-lines,parse-journal,fields,records,replay,write-record}.ts`],
  recover: [
    `${TRANSACTION}/{recover,rollback,finish,whereabouts,clean-up,removals,remove-tree,keep-beside,forget-entry}.ts`,
  ],
  ledger: ['packages/merge-core/src/ledger/**/*.ts', '!packages/merge-core/src/ledger/verify*.ts'],
};

/** Their tests: in memory nearly all. */
export const TESTS: readonly string[] = [
  'packages/merge-core/test/engine/*.test.ts',
  'packages/merge-core/test/ledger/!(verify-packages|python-glob).test.ts',
];
