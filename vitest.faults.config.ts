import { defineConfig, mergeConfig } from 'vitest/config';
import normal from './vitest.config.js';

// Hundreds of faults, drawn at random: minutes. `npm run test:faults`
export default mergeConfig(
  { ...normal, test: { ...normal.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ['test/faults/**/*.test.ts'], testTimeout: 3_600_000 } }),
);
