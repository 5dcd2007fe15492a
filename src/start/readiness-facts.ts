/** What of the running node its readiness follows from. */
import type { Config } from '../config.ts';
import type { Engine } from '../engine/engine.ts';
import type { ReadinessFacts } from './readiness.ts';
import type { SharedNode } from './shared-node.ts';

export function readinessFacts(
  serving: boolean,
  engine: Engine,
  shared: SharedNode | null,
  config: Pick<Config, 'ownerThreads' | 'lagLimitClaims'>,
): ReadinessFacts {
  return {
    serving,
    ownersDown: Array.from({ length: config.ownerThreads }, (_, owner) => owner)
      .filter((owner) => !engine.owners.serves(owner))
      .map((owner) => ({ owner, claimsRead: engine.owners.pool.rebuilt[owner]! })),
    laggingBeyond: engine.desk.lagging ? config.lagLimitClaims : null,
    stuck: engine.sink.stuck,
    recordsAway: engine.sink.delayed,
    ledger: ledgerFacts(engine, shared?.redis.isUp ?? true),
  };
}

function ledgerFacts({ topology }: Engine, redisUp: boolean): ReadinessFacts['ledger'] {
  const facts = topology.ledgerFacts();
  return facts === null ? null : { ...facts, redisUp };
}
