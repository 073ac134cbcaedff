import { configDefaults, defineConfig } from 'vitest/config';

// CI counts the tests of each run: it names a file here and reads the report that it gets.
const report = process.env.UNROLL_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Long tests, which `npm run test:faults` runs alone.
    exclude: [...configDefaults.exclude, 'test/faults/**'],
    // Forked processes: the code under test starts its own threads and handles signals, which vitest's threads would share.
    pool: 'forks',
    // Files on all cores; by default one core is left free, of two that is half.
    maxWorkers: '100%',
    // Tests drive the real binary and real worker threads; on two busy cores a start alone takes a second.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    ...(report === undefined ? {} : { reporters: ['default', 'json'], outputFile: { json: report } }),
  },
});
