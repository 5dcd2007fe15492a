/** Users who hold their coupon and press the button again. */
import { repeats } from '../contenders/http.ts';
import { compareHttp } from './http-comparison.ts';
import type { Scenario } from './scenario.ts';

export const httpRepeats: Scenario = {
  name: 'http-repeats',
  about: 'repeated claims over HTTP, LOG_SYNC os and always',
  run: (bench) =>
    compareHttp(bench, {
      name: 'http-repeats',
      syncs: ['os', 'always'],
      connections: [64],
      goal: 0.9,
      contender: repeats,
    }),
};
