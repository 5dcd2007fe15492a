/** Every claim is won: the full path through ring, owner, log and back. */
import { wonClaims } from '../contenders/http.ts';
import { compareHttp } from './http-comparison.ts';
import type { Scenario } from './scenario.ts';

export const httpWon: Scenario = {
  name: 'http-won',
  about: 'won claims over HTTP, LOG_SYNC os and always, 64 and 512 connections',
  run: (bench) =>
    compareHttp(bench, {
      name: 'http-won',
      syncs: ['os', 'always'],
      connections: [64, 512],
      goal: 0.8,
      contender: wonClaims,
    }),
};
