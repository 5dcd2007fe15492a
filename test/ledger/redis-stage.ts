/** A shard's ledger in a real Redis, under a name of its own, with its notices kept to look at. */
import { randomUUID } from 'node:crypto';
import { assert } from 'vitest';
import { RedisCommitLedger } from '../../src/ledger/redis/redis-commit-ledger.ts';
import { RedisShardLedger } from '../../src/ledger/redis/redis-shard-ledger.ts';
import type { SerialRange } from '../../src/ports.ts';
import type { CommitBatch, CommitGroup } from '../../src/ports-commit.ts';
import type { HeldCoupon, PoolPlan, ShardNotice, ShardSeat, ShardStamp } from '../../src/ports-ledger.ts';
import { until } from '../support/wait.ts';

export const SHARD = 5;
/** A template of that shard. */
export const TEMPLATE = 21;
export const GENERAL = { templateId: TEMPLATE, activityId: 0 };
export const ACTIVITY = { templateId: TEMPLATE, activityId: 7 };
export const LONG_MS = 1_000_000;

export function runOf(from: number, to: number): SerialRange[] {
  return from < to ? [{ from, to }] : [];
}

export function poolPlan(units: number): PoolPlan {
  return { ref: GENERAL, units, closed: false, free: runOf(0, units), leased: [] };
}

export async function* inChunks(
  held: readonly HeldCoupon[],
  size = 3,
): AsyncGenerator<readonly HeldCoupon[]> {
  for (let at = 0; at < held.length; at += size) yield held.slice(at, at + size);
}

export class RedisStage {
  readonly installation = `test-${randomUUID()}`;
  readonly ledger: RedisShardLedger;
  readonly commits: RedisCommitLedger;
  readonly notices: ShardNotice[] = [];
  readonly transitions: string[] = [];
  private marks = 0;
  private incarnations = 0;

  constructor(url: string, commandTimeoutMs = 5_000, waitReplicas = 0) {
    const settings = {
      url,
      commandTimeoutMs,
      installation: this.installation,
      onUp: () => this.transitions.push('up'),
      onDown: () => this.transitions.push('down'),
    };
    this.ledger = new RedisShardLedger(settings);
    this.commits = new RedisCommitLedger({
      url,
      commandTimeoutMs,
      waitReplicas,
      installation: this.installation,
    });
    this.ledger.onNotice((notice) => this.notices.push(notice));
  }

  static async start(url = process.env.TEST_REDIS_URL): Promise<RedisStage> {
    assert(url !== undefined, 'TEST_REDIS_URL is set by the global setup');
    const stage = new RedisStage(url);
    await stage.connect();
    return stage;
  }

  async connect(): Promise<void> {
    await Promise.all([this.ledger.connect(), this.commits.connect()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.ledger.disconnect(), this.commits.disconnect()]);
  }

  nextIncarnation(): number {
    return ++this.incarnations;
  }

  async open(
    incarnation: number,
    pools: readonly PoolPlan[],
    held: readonly HeldCoupon[] = [],
    shard = SHARD,
  ): Promise<ShardStamp> {
    await this.ledger.open(shard, incarnation, pools, inChunks(held));
    return { shard, incarnation, version: 1 };
  }

  async seat(stamp: ShardStamp, nodeId: string, joinId = `${nodeId}-1`, ttlMs = LONG_MS): Promise<ShardSeat> {
    const outcome = await this.ledger.join(stamp, nodeId, joinId, ttlMs);
    assert(outcome.kind === 'joined', `join: ${JSON.stringify(outcome)}`);
    return { ...stamp, nodeId, epoch: outcome.epoch };
  }

  /** All notices so far: what a last one, sent now, comes after. Takes them away. */
  async told(stamp: ShardStamp): Promise<ShardNotice[]> {
    const mark = 1_000_000 + this.marks++;
    const isMark = (notice: ShardNotice) => notice.kind === 'recall' && notice.ref.templateId === mark;
    await this.ledger.recall(stamp, { templateId: mark, activityId: 0 });
    await until(() => this.notices.some(isMark), 'the notices have come');
    const at = this.notices.findIndex(isMark);
    return this.notices.splice(0, at + 1).slice(0, at);
  }
}

/** `claims`: user, key (0: none). `units`: serials. */
export function groupOf(
  ref: { readonly templateId: number; readonly activityId: number },
  claims: readonly (readonly [user: number, key: number])[],
  units: readonly number[],
  poolLimit = 1,
  templateLimit = 1,
  spent: readonly number[] | null = null,
): CommitGroup {
  return {
    ...ref,
    poolLimit,
    templateLimit,
    claims: Uint32Array.from(claims.flatMap(([user, key]) => [user, 0x7000_0000 + user, key, key * 3])),
    spent: spent === null ? null : Uint32Array.from(spent),
    units: Uint32Array.from(units.flatMap((serial) => [serial, serial * 1_000_003, 0x0190_0000 + serial])),
  };
}

export function batchOf(
  seat: ShardSeat,
  sequence: number,
  groups: readonly CommitGroup[],
  { owner = 0, life = 1 } = {},
): CommitBatch {
  return { seat, owner, life, sequence, timeLo: 0xfedc_ba98, groups };
}
