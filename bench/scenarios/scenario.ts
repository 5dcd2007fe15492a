/** What every scenario is given and gives back. */
import { USER_ID_MIN } from '../load/claim-request.ts';
import type { UserRange } from '../load/jobs.ts';
import type { Servers } from '../peers/servers.ts';
import type { LoadClient } from '../processes/load-client.ts';
import type { Yardstick } from '../processes/yardstick.ts';
import type { Row } from '../report.ts';

/** How long and how often; `--quick` gives up precision, not checks. */
export interface Effort {
  readonly pairs: number;
  readonly runSeconds: number;
  readonly openPairs: number;
  readonly openSeconds: number;
  readonly liveClaims: number;
  readonly recoveryClaims: number;
  readonly recoveryStarts: number;
  readonly flusherClaims: number;
  readonly syncs: number;
  readonly codes: number;
  readonly tableUsers: number;
  /** Of each kind of grouping, to find the best coupons of. */
  readonly wallets: number;
  /** Of comparisons with the classic design and of clusters. */
  readonly rounds: number;
  /** Of a template that is sold to the last unit in each run of those. */
  readonly soldUnits: number;
  /** Coupons locked and used in a round. */
  readonly redemptions: number;
  /** Claims flushed into MySQL. */
  readonly mysqlRows: number;
  readonly mysqlRounds: number;
}

export const FULL: Effort = {
  pairs: 7,
  runSeconds: 2,
  openPairs: 3,
  openSeconds: 4,
  liveClaims: 600_000,
  recoveryClaims: 10_000_000,
  recoveryStarts: 3,
  flusherClaims: 2_000_000,
  syncs: 1000,
  codes: 2_000_000,
  tableUsers: 5_000_000,
  wallets: 1000,
  rounds: 7,
  soldUnits: 60_000,
  redemptions: 4_000,
  mysqlRows: 1_000_000,
  mysqlRounds: 3,
};

export const QUICK: Effort = {
  pairs: 3,
  runSeconds: 1,
  openPairs: 2,
  openSeconds: 1.5,
  liveClaims: 200_000,
  recoveryClaims: 2_000_000,
  recoveryStarts: 2,
  flusherClaims: 500_000,
  syncs: 200,
  codes: 500_000,
  tableUsers: 1_000_000,
  wallets: 200,
  rounds: 2,
  soldUnits: 20_000,
  redemptions: 2_000,
  mysqlRows: 300_000,
  mysqlRounds: 1,
};

/** For injected faults: whether the bench notices, not how fast anything is. */
export const ONCE: Effort = { ...QUICK, pairs: 1, openPairs: 1, rounds: 1 };

export interface Bench {
  readonly effort: Effort;
  /** Of the scenarios that are measured in either. */
  readonly profile: 'embedded' | 'single';
  readonly client: LoadClient;
  readonly yardstick: Yardstick;
  /** Starts them when they are first asked for. */
  stores(): Promise<Servers>;
  readonly injectLostRow: boolean;
  say(line: string): void;
  /** Users nobody has used yet. */
  freshUsers(count: number): UserRange;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  run(bench: Bench): Promise<Row[]>;
}

/** Hands out user ids, each once in the life of the bench. */
export function userSource(): (count: number) => UserRange {
  let next = USER_ID_MIN;
  return (count) => {
    const range = { first: next, count };
    next += count;
    return range;
  };
}
