/** The claim path: one batch, claim by claim, written for being obviously right. Nothing changes unless it is accepted. */
import { type CommitAnswer, type CommitBatch, Committed, NO_COUPON } from '../../../src/ports-commit.ts';
import type { ShardNotice } from '../../../src/ports-ledger.ts';
import { type Coupon, leasedUnits, poolKey, type ShardData } from './shard-data.ts';

export function ownerKey(epoch: number, owner: number): string {
  return `${epoch}/${owner}`;
}

export function commitInto(data: ShardData, batch: CommitBatch, notices: ShardNotice[]): CommitAnswer {
  const { seat, owner, life, sequence } = batch;
  const memory = data.owners.get(ownerKey(seat.epoch, owner));
  if (memory !== undefined && life < memory.life) return { kind: 'late' };
  if (memory !== undefined && life === memory.life) {
    if (sequence < memory.sequence) return { kind: 'late' };
    if (sequence === memory.sequence) return answer(data, memory.head, memory.verdicts, memory.serials);
  }
  for (const group of batch.groups) {
    const pool = data.pools.get(poolKey(group));
    if (pool === undefined || pool.closed) continue;
    const lease = pool.leases.get(seat.nodeId) ?? new Set();
    const offered = offeredSerials(group.units);
    if (new Set(offered).size !== offered.length || offered.some((serial) => !lease.has(serial)))
      return { kind: 'fenced' };
  }

  const verdicts: number[] = [];
  const serials: number[] = [];
  const before = data.claims.length;
  for (const group of batch.groups) {
    const { templateId, activityId, claims, spent, units } = group;
    const pool = data.pools.get(poolKey(group));
    const open = pool !== undefined && !pool.closed;
    const users = data.users.get(templateId) ?? new Map<string, Coupon[]>();
    data.users.set(templateId, users);
    let used = 0;
    for (let at = 0; at < claims.length; at += 4) {
      const [userLo, userHi, keyLo, keyHi] = claims.subarray(at, at + 4);
      const held = users.get(`${userLo}/${userHi}`) ?? [];
      const verdict = decide(held, group, keyLo, keyHi, spent?.[at / 4] ?? 0);
      if (verdict !== null) {
        verdicts.push(verdict.kind);
        serials.push(verdict.serial);
      } else if (!open || used === units.length / 3) {
        verdicts.push(Committed.noUnit);
        serials.push(held.at(-1)?.serial ?? NO_COUPON);
      } else {
        const [serial, code, codeAndTime] = units.subarray(used * 3, used * 3 + 3);
        used++;
        users.set(`${userLo}/${userHi}`, [...held, { serial, activityId, keyLo, keyHi }]);
        const { timeLo } = batch;
        data.claims.push([
          templateId,
          serial,
          userLo,
          userHi,
          activityId,
          code,
          codeAndTime,
          timeLo,
          keyLo,
          keyHi,
        ]);
        const lease = pool.leases.get(seat.nodeId);
        lease?.delete(serial);
        verdicts.push(Committed.claimed);
        serials.push(serial);
      }
    }
    if (pool === undefined || used === 0) continue;
    if (pool.leases.get(seat.nodeId)?.size === 0) pool.leases.delete(seat.nodeId);
    if (pool.free.length === 0 && leasedUnits(pool) === 0 && pool.thirsty) {
      pool.thirsty = false;
      notices.push({ kind: 'stock', shard: seat.shard, ref: pool.ref });
    }
  }
  const head = data.claims.length;
  if (head > before) {
    data.batchEnds.push(head);
    notices.push({ kind: 'head', shard: seat.shard, head });
  }
  data.owners.set(ownerKey(seat.epoch, owner), { life, sequence, head, verdicts, serials });
  data.version++;
  return answer(data, head, verdicts, serials);
}

/** null: the next unit, if there is one. */
function decide(
  held: readonly Coupon[],
  limits: { activityId: number; poolLimit: number; templateLimit: number },
  keyLo: number,
  keyHi: number,
  spent: number,
): { kind: number; serial: number } | null {
  const inPool = held.filter(({ activityId }) => activityId === limits.activityId);
  const hasKey = keyLo !== 0 || keyHi !== 0;
  const repeated = inPool.find((coupon) => hasKey && coupon.keyLo === keyLo && coupon.keyHi === keyHi);
  if (repeated !== undefined) return { kind: Committed.already, serial: repeated.serial };
  const countedInPool = inPool.length - (spent % 8192);
  const counted = held.length - Math.floor(spent / 8192);
  if (limits.poolLimit === 1 && countedInPool > 0)
    return { kind: Committed.already, serial: inPool.at(-1)!.serial };
  const isAtLimit = countedInPool >= limits.poolLimit || counted >= limits.templateLimit;
  return isAtLimit ? { kind: Committed.limit, serial: held.at(-1)?.serial ?? 0 } : null;
}

function offeredSerials(units: Uint32Array): number[] {
  return [...units].filter((_word, i) => i % 3 === 0);
}

function answer(
  { version }: ShardData,
  head: number,
  verdicts: readonly number[],
  serials: readonly number[],
): CommitAnswer {
  return {
    kind: 'committed',
    version,
    head,
    verdicts: Uint8Array.from(verdicts),
    serials: Uint32Array.from(serials),
  };
}
