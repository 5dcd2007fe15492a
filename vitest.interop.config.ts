import { defineConfig } from 'vitest/config';

/** Against programs of others that are built or fetched first; needs Go. Not part of `npm test`. */
export default defineConfig({
  test: { include: ['test/interop/**/*.interop.ts'], pool: 'forks', maxWorkers: 1, allowOnly: false },
});
