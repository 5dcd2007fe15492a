/** Who the nodes are. All times are by the database's clock, so nodes need not agree on the time. */
import { type NodeRow, SINGLE_NODE_FACT } from '../../ports-cluster.ts';
import { isDuplicate } from './failures.ts';
import type { MysqlPool } from './pool.ts';

/** Milliseconds since the epoch; sessions are in UTC, so no hour comes twice. */
export const NOW_MS = 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)';

export function registerNode(
  pool: MysqlPool,
  nodeId: string,
  startId: string,
  host: string,
): Promise<'registered' | 'forgotten'> {
  return pool.transaction(
    async (session) => {
      const row = await session.row('SELECT state FROM nodes WHERE node_id = ? FOR UPDATE', [nodeId]);
      if (row?.[0] === 'forgotten') return 'forgotten';
      const sql =
        row === undefined
          ? `INSERT INTO nodes (start_id, host, started_at, seen_at, state, node_id)
             VALUES (?, ?, ${NOW_MS}, ${NOW_MS}, 'up', ?)`
          : `UPDATE nodes SET start_id = ?, host = ?, started_at = ${NOW_MS}, seen_at = ${NOW_MS}, state = 'up'
             WHERE node_id = ?`;
      await session.run(sql, [startId, host, nodeId]);
      return 'registered';
    },
    { mayRepeat: true, again: isDuplicate },
  );
}

export function beat(
  pool: MysqlPool,
  nodeId: string,
  startId: string,
): Promise<'ok' | 'forgotten' | 'replaced'> {
  return pool.transaction(
    async (session) => {
      const sql = 'SELECT state, start_id FROM nodes WHERE node_id = ? FOR UPDATE';
      const row = await session.row(sql, [nodeId]);
      if (row === undefined || row[0] === 'forgotten') return 'forgotten';
      if (String(row[1]) !== startId) return 'replaced';
      await session.run(`UPDATE nodes SET seen_at = ${NOW_MS} WHERE node_id = ?`, [nodeId]);
      return 'ok';
    },
    { mayRepeat: true },
  );
}

export function nodeStopped(pool: MysqlPool, nodeId: string, startId: string): Promise<void> {
  return pool.transaction(
    async (session) => {
      const sql = "UPDATE nodes SET state = 'stopped' WHERE node_id = ? AND start_id = ? AND state = 'up'";
      await session.run(sql, [nodeId, startId]);
    },
    { mayRepeat: true },
  );
}

export async function nodes(pool: MysqlPool): Promise<NodeRow[]> {
  const columns = `node_id, start_id, host, started_at, ${NOW_MS} - seen_at, state`;
  const rows = await pool.read((session) => session.rows(`SELECT ${columns} FROM nodes ORDER BY node_id`));
  return rows.map(([nodeId, startId, host, startedAtMs, seenAgoMs, state]) => ({
    nodeId: String(nodeId),
    startId: String(startId),
    host: String(host),
    startedAtMs: Number(startedAtMs),
    seenAgoMs: Number(seenAgoMs),
    state: state as NodeRow['state'],
  }));
}

/** The node's row is locked before its memberships go, and read by whoever joins: no membership comes afterwards. */
export function forgetNode(pool: MysqlPool, nodeId: string): Promise<void> {
  return pool.transaction(
    async (session) => {
      await session.run("UPDATE nodes SET state = 'forgotten' WHERE node_id = ?", [nodeId]);
      await session.run('DELETE FROM shard_members WHERE node_id = ?', [nodeId]);
      await session.run('DELETE FROM facts WHERE name = ? AND value = ?', [SINGLE_NODE_FACT, nodeId]);
    },
    { mayRepeat: true },
  );
}
