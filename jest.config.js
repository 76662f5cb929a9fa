/** Node strips the types itself (jest 30.5): no transform, so stack traces and coverage are of the sources. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
  testEnvironmentOptions: { customExportConditions: ['@emplace/source', 'node', 'node-addons'] },
  testMatch: [
    '<rootDir>/packages/*/test/**/*.test.ts',
    '<rootDir>/fixtures/test/**/*.test.ts',
    '<rootDir>/tests/src/**/*.test.ts',
  ],
  modulePathIgnorePatterns: ['/dist/', '/.stryker-tmp/'],
  // Jest leaves one core free by default; of two that is half.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/scripts/longest-first.js',
  coverageProvider: 'v8',
  // Ends what hangs: some tests take half a minute, on a machine that others use too a multiple of it.
  testTimeout: 300_000,
};
