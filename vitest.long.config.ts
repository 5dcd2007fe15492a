import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** The same suites with many more rounds, seeds and runs; RECEIPTS=FILE replays a real receipts file, RULES=FILE imports real rules. */
export default mergeConfig(
  base,
  defineConfig({
    test: {
      env: { LONG: '1', SIM_SEEDS: '20000', SIM_CLUSTER_SEEDS: '3000' },
      testTimeout: 1_800_000,
      hookTimeout: 600_000,
    },
  }),
);
