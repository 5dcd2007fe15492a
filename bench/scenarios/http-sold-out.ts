/** Everything is gone and the crowd keeps asking. */
import { soldOut } from '../contenders/http.ts';
import { compareHttp } from './http-comparison.ts';
import type { Scenario } from './scenario.ts';

export const httpSoldOut: Scenario = {
  name: 'http-sold-out',
  about: 'refusals after sell-out over HTTP, LOG_SYNC os and always',
  run: (bench) =>
    compareHttp(bench, {
      name: 'http-sold-out',
      syncs: ['os', 'always'],
      connections: [64],
      goal: 0.9,
      contender: soldOut,
    }),
};
