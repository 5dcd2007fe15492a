/**
 * Which incarnation of each shard is open, and whose logs must be heard before the next one is. Whatever changes a
 * shard or its members locks the shard's row first, so each of these happens wholly before or after any other.
 */
import type { MemberRow, ShardRow } from '../../ports-cluster.ts';
import { NOW_MS } from './cluster-nodes.ts';
import { isDuplicate } from './failures.ts';
import type { MysqlPool } from './pool.ts';
import type { Session } from './session.ts';

interface Shard {
  readonly isOpen: boolean;
  readonly incarnation: number;
  readonly lastIncarnation: number;
  /** The last who took a rebuilding on, and for how much longer; negative when that has passed. */
  readonly rebuilder: string | null;
  readonly patienceMs: number;
}

export type TakeOutcome =
  | { readonly kind: 'taken'; readonly incarnation: number; readonly lost: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'missing'; readonly nodeIds: readonly string[] };

export function ensureShards(pool: MysqlPool, count: number): Promise<void> {
  return pool.transaction(
    async (session) => {
      const rows = await session.rows('SELECT shard FROM shards');
      const there = new Set(rows.map(([shard]) => Number(shard)));
      for (let shard = 0; shard < count; shard++) {
        if (there.has(shard)) continue;
        await session.run(
          `INSERT INTO shards (shard, state, incarnation, last_incarnation, rebuilder, rebuild_until)
           VALUES (?, 'rebuilding', 0, 0, NULL, 0)`,
          [shard],
        );
      }
    },
    { mayRepeat: true, again: isDuplicate },
  );
}

export async function shards(pool: MysqlPool): Promise<ShardRow[]> {
  const sql = `SELECT shard, incarnation, state,
    CASE WHEN state = 'rebuilding' AND rebuild_until > ${NOW_MS} THEN rebuilder END FROM shards ORDER BY shard`;
  const rows = await pool.read((session) => session.rows(sql));
  return rows.map(([shard, incarnation, state, rebuilder]) => ({
    shard: Number(shard),
    incarnation: Number(incarnation),
    state: state as ShardRow['state'],
    rebuilder: rebuilder === null ? null : String(rebuilder),
  }));
}

export async function members(pool: MysqlPool): Promise<MemberRow[]> {
  const sql = 'SELECT shard, node_id, contributed FROM shard_members ORDER BY shard, node_id';
  const rows = await pool.read((session) => session.rows(sql));
  return rows.map(([shard, nodeId, contributed]) => ({
    shard: Number(shard),
    nodeId: String(nodeId),
    contributed: Number(contributed),
  }));
}

export function joinShard(
  pool: MysqlPool,
  shard: number,
  nodeId: string,
  incarnation: number,
): Promise<boolean> {
  return withShard(pool, shard, async (session, { isOpen, incarnation: open }) => {
    if (!isOpen || open !== incarnation) return false;
    const node = await session.row('SELECT state FROM nodes WHERE node_id = ? LOCK IN SHARE MODE', [nodeId]);
    if (node?.[0] === 'forgotten') return false;
    const member = await session.row(
      'SELECT contributed FROM shard_members WHERE shard = ? AND node_id = ?',
      [shard, nodeId],
    );
    if (member !== undefined) return true;
    // It has no claims of earlier incarnations: whoever had some was a member.
    const sql = 'INSERT INTO shard_members (shard, node_id, contributed) VALUES (?, ?, ?)';
    await session.run(sql, [shard, nodeId, incarnation - 1]);
    return true;
  });
}

export function leaveShard(
  pool: MysqlPool,
  shard: number,
  nodeId: string,
  incarnation: number,
): Promise<void> {
  return withShard(pool, shard, async (session, { isOpen, incarnation: open }) => {
    if (!isOpen || open !== incarnation) return;
    await session.run('DELETE FROM shard_members WHERE shard = ? AND node_id = ?', [shard, nodeId]);
  });
}

export function declareLost(pool: MysqlPool, shard: number, incarnation: number): Promise<void> {
  return withShard(pool, shard, async (session, { isOpen, incarnation: open }) => {
    if (!isOpen || open !== incarnation) return;
    const sql = "UPDATE shards SET state = 'rebuilding', rebuilder = NULL, rebuild_until = 0 WHERE shard = ?";
    await session.run(sql, [shard]);
  });
}

export function contributed(
  pool: MysqlPool,
  shard: number,
  nodeId: string,
  incarnation: number,
): Promise<void> {
  return withShard(pool, shard, async (session, { isOpen, incarnation: open }) => {
    // Of the open incarnation more claims may come.
    const upTo = isOpen ? Math.min(incarnation, open - 1) : incarnation;
    const sql =
      'UPDATE shard_members SET contributed = GREATEST(contributed, ?) WHERE shard = ? AND node_id = ?';
    await session.run(sql, [upTo, shard, nodeId]);
  });
}

export function takeRebuild(
  pool: MysqlPool,
  shard: number,
  nodeId: string,
  patienceMs: number,
): Promise<TakeOutcome> {
  return withShard<TakeOutcome>(pool, shard, async (session, found) => {
    const isTaken = found.rebuilder !== null && found.patienceMs > 0;
    // Open: somebody was quicker.
    if (found.isOpen || (isTaken && found.rebuilder !== nodeId)) return { kind: 'busy' };
    const silent = await session.rows(
      'SELECT node_id FROM shard_members WHERE shard = ? AND contributed < ? ORDER BY node_id',
      [shard, found.incarnation],
    );
    if (silent.length > 0) return { kind: 'missing', nodeIds: silent.map(([id]) => String(id)) };
    const incarnation = found.lastIncarnation + 1;
    await session.run(
      `UPDATE shards SET last_incarnation = ?, rebuilder = ?, rebuild_until = ${NOW_MS} + ? WHERE shard = ?`,
      [incarnation, nodeId, patienceMs, shard],
    );
    return { kind: 'taken', incarnation, lost: found.incarnation };
  });
}

export function openShard(
  pool: MysqlPool,
  shard: number,
  nodeId: string,
  incarnation: number,
): Promise<boolean> {
  return withShard(pool, shard, async (session, found) => {
    // The last number that was given out is the one of whoever took the rebuilding on last.
    if (found.rebuilder !== nodeId || found.lastIncarnation !== incarnation) return false;
    // Opened by an attempt whose answer was lost.
    if (found.isOpen) return true;
    // Their claims are all stored, so they are members no more, until they join again.
    await session.run('DELETE FROM shard_members WHERE shard = ?', [shard]);
    await session.run("UPDATE shards SET state = 'open', incarnation = ? WHERE shard = ?", [
      incarnation,
      shard,
    ]);
    return true;
  });
}

/** Every change here may be repeated: done twice it comes to the same, or only skips a number. */
function withShard<T>(
  pool: MysqlPool,
  shard: number,
  body: (session: Session, found: Shard) => Promise<T>,
): Promise<T> {
  return pool.transaction(
    async (session) => {
      const sql = `SELECT state, incarnation, last_incarnation, rebuilder, rebuild_until - ${NOW_MS}
        FROM shards WHERE shard = ? FOR UPDATE`;
      const row = await session.row(sql, [shard]);
      if (row === undefined) throw new Error(`there is no shard ${shard}`);
      const [state, incarnation, lastIncarnation, rebuilder, patienceMs] = row;
      return body(session, {
        isOpen: state === 'open',
        incarnation: Number(incarnation),
        lastIncarnation: Number(lastIncarnation),
        rebuilder: rebuilder === null ? null : String(rebuilder),
        patienceMs: Number(patienceMs),
      });
    },
    { mayRepeat: true },
  );
}
