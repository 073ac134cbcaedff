import { defineConfig } from 'vitest/config';

// CI counts the tests of each run: it names a file here and reads the report that it gets.
const report = process.env.UNROLL_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Hundreds of faults take minutes: npm run test:faults.
    exclude: ['test/faults/**'],
    // Forked processes: the code under test starts its own threads and handles signals, which vitest's threads would share.
    pool: 'forks',
    // Tests drive the real binary and real worker threads; on two busy cores a start alone takes a second.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    ...(report === undefined ? {} : { reporters: ['default', 'json'], outputFile: { json: report } }),
  },
});
