/** The classic design as one of those who take turns in a comparison. */
import { type Contender, jobRun, type PreparedRun } from '../contender.ts';
import type { LoadResult } from '../load/jobs.ts';
import { claimsPath } from '../processes/server.ts';
import type { Bench } from '../scenarios/scenario.ts';
import { verifyOutcomes } from '../verify.ts';
import type { Peer } from './peer.ts';
import { verifyPeer } from './verify-peer.ts';

/** One hot template sold to its last unit: every claim is won. */
export interface ClassicSending {
  readonly connections: number;
  readonly claims: number;
}

const SECONDS_MAX = 120;
const COUPON_SAMPLING = 64;

export function classicClaims(
  bench: Bench,
  peer: Peer,
  name: string,
  { connections, claims }: ClassicSending,
): Contender {
  const prepare = async (): Promise<PreparedRun> => {
    const templateId = await peer.publishTemplate(claims);
    const users = bench.freshUsers(claims);
    const run = jobRun(bench.client, {
      kind: 'closed-loop',
      port: peer.port,
      path: claimsPath(String(templateId)),
      connections,
      seconds: SECONDS_MAX,
      requestsMax: claims,
      users,
      couponEvery: COUPON_SAMPLING,
    });
    const check = async (load: LoadResult): Promise<string[]> => {
      const wrong = [
        ...verifyOutcomes(load.outcomes, '201'),
        ...(await verifyPeer(peer, templateId, claims, load.outcomes['201'] ?? 0, load.coupons)),
      ];
      await peer.forget(templateId);
      return wrong;
    };
    return { target: peer, run, stored: () => peer.drained(), check };
  };
  return { name, prepare };
}

/** A run that counts for nothing: compiler, hash tables and page cache are then as in the middle of a sale. */
export async function warmUp(contender: Contender): Promise<string[]> {
  const { run, check } = await contender.prepare();
  return check(await run(async () => {}));
}
