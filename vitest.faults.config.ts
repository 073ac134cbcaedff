import { defineConfig } from 'vitest/config';
import tests from './vitest.config.js';

// The tests that take long because they try again and again what can go wrong: `npm run test:faults`.
export default defineConfig({
  test: { ...tests.test, include: ['test/faults/**/*.test.ts'], exclude: [], testTimeout: 3_600_000 },
});
