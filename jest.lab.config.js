import base from './jest.config.js';

/** The fault lab (tests/README.md): the same, for what takes minutes. */
export default { ...base, testMatch: ['<rootDir>/tests/lab/**/*.test.ts'], testTimeout: 600_000 };
