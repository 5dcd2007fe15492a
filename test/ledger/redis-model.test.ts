/** The scripts do what the model does: any calls of several nodes, also repeated, late, past and wrong ones. */
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { ModelRun, type Step } from './model-run.ts';
import { RedisStage } from './redis-stage.ts';

const RUNS = process.env.LONG === '1' ? 6_000 : 120;

let stage: RedisStage;
beforeAll(async () => {
  stage = await RedisStage.start();
});
afterAll(() => stage.stop());

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.nat(99),
  node: fc.nat(2),
  pool: fc.nat(6),
  a: fc.nat(255),
  b: fc.nat(255),
  c: fc.nat(255),
});

test('the same outcomes, notices, units and claims as the model', { timeout: 1_500_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 1, max: 400 })),
      fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
      async (units, steps) => {
        const run = await ModelRun.open(stage, units);
        for (const one of steps) await run.take(one);
        await run.finish();
      },
    ),
    { numRuns: RUNS },
  );
});
