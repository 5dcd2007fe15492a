/** The claim path in Redis: one call of commit.lua a batch. For one owner thread, on its own connection. */

import type { CommitAnswer, CommitBatch, CommitLedger } from '../../ports-commit.ts';
import type { Refused, ShardSeat } from '../../ports-ledger.ts';
import { SHARDS } from '../../ports-ledger.ts';
import { ShardKeys } from './keys.ts';
import { type Argument, RedisConnection, type RedisSettings } from './redis-connection.ts';
import { SCRIPTS } from './scripts.ts';

export interface RedisCommitSettings extends RedisSettings {
  readonly installation: string;
  /** A commit counts only once so many replicas have it. Default 0. */
  readonly waitReplicas?: number;
  /** How long they may take. Default: half of the command timeout. */
  readonly waitReplicasMs?: number;
}

type Fenced = { readonly kind: 'done'; readonly version: number; readonly head: number };

/** Kind and serial. */
const VERDICT_BYTES = 5;

export class RedisCommitLedger implements CommitLedger {
  private readonly connection: RedisConnection;
  private readonly keys: readonly ShardKeys[];
  private readonly waitReplicas: number;
  private readonly waitReplicasMs: number;

  constructor(settings: RedisCommitSettings) {
    this.connection = new RedisConnection(settings);
    this.keys = Array.from({ length: SHARDS }, (_, shard) => new ShardKeys(settings.installation, shard));
    this.waitReplicas = settings.waitReplicas ?? 0;
    this.waitReplicasMs = settings.waitReplicasMs ?? (settings.commandTimeoutMs ?? 1_000) / 2;
  }

  async connect(waitMs?: number): Promise<void> {
    await this.connection.connect(waitMs);
  }

  async disconnect(): Promise<void> {
    await this.connection.disconnect();
  }

  isUp(): boolean {
    return this.connection.isUp;
  }

  async commit({ seat, owner, life, sequence, timeLo, groups }: CommitBatch): Promise<CommitAnswer> {
    const time = Buffer.allocUnsafe(4);
    time.writeUInt32LE(timeLo);
    const args: Argument[] = [
      seat.incarnation,
      seat.version,
      seat.nodeId,
      seat.epoch,
      owner,
      life,
      sequence,
      time,
    ];
    for (const { templateId, activityId, poolLimit, templateLimit, claims, spent, units } of groups) {
      args.push(templateId, activityId, poolLimit, templateLimit, bytesOf(claims));
      args.push(spent === null ? '' : bytesOf(spent), bytesOf(units));
    }
    const keys = [this.keys[seat.shard].meta];
    const reply = (await (this.waitReplicas === 0
      ? this.connection.run(SCRIPTS.commit, keys, args)
      : this.connection.runReplicated(
          SCRIPTS.commit,
          keys,
          args,
          this.waitReplicas,
          this.waitReplicasMs,
        ))) as readonly (Buffer | number)[];
    const refused = refusal(reply);
    if (refused !== null) return refused;
    return {
      kind: 'committed',
      version: Number(reply[1]),
      head: Number(reply[2]),
      ...verdictsOf(reply[3] as Buffer),
    };
  }

  async fenceOwner(
    seat: ShardSeat,
    owner: number,
    life: number,
  ): Promise<Fenced | { readonly kind: 'late' } | Refused> {
    const args = [seat.incarnation, seat.version, seat.nodeId, seat.epoch, owner, life];
    const answer = await this.connection.run(SCRIPTS.fenceOwner, [this.keys[seat.shard].meta], args);
    const reply = answer as readonly (Buffer | number)[];
    return refusal(reply) ?? { kind: 'done', version: Number(reply[1]), head: Number(reply[2]) };
  }
}

function refusal(reply: readonly (Buffer | number)[]): { readonly kind: 'late' } | Refused | null {
  const kind = String(reply[0]);
  if (kind === 'lost') return { kind, detail: String(reply[1]) };
  return kind === 'late' || kind === 'fenced' ? { kind } : null;
}

function verdictsOf(bytes: Buffer): { verdicts: Uint8Array; serials: Uint32Array } {
  const count = bytes.length / VERDICT_BYTES;
  const verdicts = new Uint8Array(count);
  const serials = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    verdicts[i] = bytes[i * VERDICT_BYTES];
    serials[i] = bytes.readUInt32LE(i * VERDICT_BYTES + 1);
  }
  return { verdicts, serials };
}

function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}
