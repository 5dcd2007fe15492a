/** The latency row: half of what the engine carries at 512 connections, on embedded whatever else is measured. */
import { wonClaims } from '../contenders/http.ts';
import { compareHttp } from './http-comparison.ts';
import type { Scenario } from './scenario.ts';

export const httpP99: Scenario = {
  name: 'http-p99',
  about: 'latencies of won claims at half load, embedded, LOG_SYNC os, 512 connections',
  // With --profile embedded it is a part of http-won.
  run: async (bench) =>
    bench.profile === 'embedded'
      ? []
      : compareHttp(
          { ...bench, profile: 'embedded' },
          { name: 'http-p99', syncs: ['os'], connections: [512], goal: null, contender: wonClaims },
        ),
};
