/** The classic design as one of those who take turns in a comparison, with the costs of all its processes. */
import { type Contender, jobRun, type PreparedRun } from '../contender.ts';
import type { LoadResult } from '../load/jobs.ts';
import { claimsPath } from '../processes/server.ts';
import type { Bench } from '../scenarios/scenario.ts';
import { verifyOutcomes } from '../verify.ts';
import type { Peer, PeerCpu } from './peer.ts';
import { verifyPeer } from './verify-peer.ts';

/** One hot template sold to its last unit: every claim is won. */
export interface ClassicSending {
  readonly connections: number;
  readonly claims: number;
}

/** Of one run, from its first request until everything is stored. */
export interface ClassicCost {
  /** CPU microseconds per claim of whole processes, garbage collection and compiler threads included. */
  readonly us: PeerCpu;
  readonly allInUs: number;
  readonly storedPerSecond: number;
}

export interface ClassicContender extends Contender {
  /** In the order of the runs. */
  readonly costs: readonly ClassicCost[];
}

const SECONDS_MAX = 120;
const COUPON_SAMPLING = 64;

export function classicClaims(
  bench: Bench,
  peer: Peer,
  name: string,
  { connections, claims }: ClassicSending,
): ClassicContender {
  const costs: ClassicCost[] = [];
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
    let before = peer.cpuSeconds();
    let fromMs = 0;
    const check = async (load: LoadResult): Promise<string[]> => {
      await peer.drained();
      costs.push(cost(before, peer.cpuSeconds(), claims, (performance.now() - fromMs) / 1000));
      const wrong = [
        ...verifyOutcomes(load.outcomes, '201'),
        ...(await verifyPeer(peer, templateId, claims, load.outcomes['201'] ?? 0, load.coupons)),
      ];
      await peer.forget(templateId);
      return wrong;
    };
    return {
      target: peer,
      run: (beforeFirst) =>
        run(async () => {
          await beforeFirst();
          before = peer.cpuSeconds();
          fromMs = performance.now();
        }),
      check,
    };
  };
  return { name, costs, prepare };
}

function cost(before: PeerCpu, after: PeerCpu, claims: number, seconds: number): ClassicCost {
  const per = (part: keyof PeerCpu) => ((after[part] - before[part]) / claims) * 1e6;
  const us = { server: per('server'), redis: per('redis'), writer: per('writer'), mysql: per('mysql') };
  return {
    us,
    allInUs: us.server + us.redis + us.writer + us.mysql,
    storedPerSecond: claims / seconds,
  };
}

/** A run that counts for nothing: compiler, hash tables and page cache are then as in the middle of a sale. */
export async function warmUp(contender: Contender): Promise<string[]> {
  const { run, check } = await contender.prepare();
  return check(await run(async () => {}));
}
