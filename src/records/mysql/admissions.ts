/**
 * Whether a node may serve in a profile. `single` belongs to one node: what that one has in its local log is nowhere
 * else, and no other node would wait for it. A cluster knows whose logs it waits for. So the way from one profile to
 * the other leads through one transaction that hands over what has to be known.
 */

import { type Admission, MAY_SERVE_MS, SINGLE_NODE_FACT } from '../../ports-cluster.ts';
import { SHARDS } from '../../ports-ledger.ts';
import { NOW_MS } from './cluster-nodes.ts';
import { isDuplicate } from './failures.ts';
import type { MysqlPool } from './pool.ts';
import type { Session } from './session.ts';

export function admitNode(
  pool: MysqlPool,
  nodeId: string,
  profile: 'single' | 'cluster',
): Promise<Admission> {
  return pool.transaction(
    async (session) => {
      // One admission at a time: the installation has a name before anybody asks.
      await session.row("SELECT value FROM facts WHERE name = 'installation' FOR UPDATE");
      if (await isForgotten(session, nodeId)) return { kind: 'forgotten' };
      const bound = await boundNode(session);
      if (bound !== null && bound !== nodeId) return { kind: 'bound', nodeId: bound };
      return profile === 'single'
        ? admitSingle(session, nodeId, bound)
        : admitToCluster(session, nodeId, bound);
    },
    { mayRepeat: true, again: isDuplicate },
  );
}

async function isForgotten(session: Session, nodeId: string): Promise<boolean> {
  const row = await session.row('SELECT state FROM nodes WHERE node_id = ?', [nodeId]);
  return row?.[0] === 'forgotten';
}

/** The node of the profile `single`; one that was forgotten has no claim to it. */
async function boundNode(session: Session): Promise<string | null> {
  const row = await session.row('SELECT value FROM facts WHERE name = ?', [SINGLE_NODE_FACT]);
  if (row === undefined) return null;
  const bound = String(row[0]);
  return (await isForgotten(session, bound)) ? null : bound;
}

async function admitSingle(session: Session, nodeId: string, bound: string | null): Promise<Admission> {
  if (bound === nodeId) return { kind: 'admitted' };
  const others = await session.rows(
    `SELECT node_id FROM shard_members
     UNION SELECT node_id FROM nodes WHERE state = 'up' AND seen_at > ${NOW_MS} - ? AND node_id <> ?`,
    [MAY_SERVE_MS, nodeId],
  );
  if (others.length > 0) return { kind: 'cluster', nodeIds: others.map(([id]) => String(id)).sort() };
  // What this node sells stands in no stream: whichever incarnation was open has not all claims any more.
  await session.run("UPDATE shards SET state = 'rebuilding', rebuilder = NULL, rebuild_until = 0");
  await session.run('DELETE FROM facts WHERE name = ?', [SINGLE_NODE_FACT]);
  await session.run('INSERT INTO facts (name, value) VALUES (?, ?)', [SINGLE_NODE_FACT, nodeId]);
  return { kind: 'admitted' };
}

async function admitToCluster(session: Session, nodeId: string, bound: string | null): Promise<Admission> {
  if (bound === null) return { kind: 'admitted' };
  // From now on this node's log is waited for like that of any member.
  await session.run('DELETE FROM shard_members WHERE node_id = ?', [nodeId]);
  for (let shard = 0; shard < SHARDS; shard++) {
    const sql = 'INSERT INTO shard_members (shard, node_id, contributed) VALUES (?, ?, -1)';
    await session.run(sql, [shard, nodeId]);
  }
  await session.run('DELETE FROM facts WHERE name = ?', [SINGLE_NODE_FACT]);
  return { kind: 'admitted' };
}
