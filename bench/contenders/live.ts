/** Won claims over `/v1/live`, batched as a gateway batches them. */
import { type Contender, jobRun } from '../contender.ts';
import type { LiveBatchesJob, UserRange } from '../load/jobs.ts';
import type { Server } from '../processes/server.ts';
import type { Bench } from '../scenarios/scenario.ts';
import { verifyClaims, verifyOutcomes } from '../verify.ts';

export const USERS_PER_FRAME = 16;
const CONNECTIONS = 8;
const FRAMES_IN_FLIGHT = 8;
const SECONDS_MAX = 600;

/** Sells `users.count` units, all at once. */
export function liveJob(
  server: Server,
  templateId: string,
  users: UserRange,
  couponEvery: number,
): LiveBatchesJob {
  return {
    kind: 'live-batches',
    port: server.port,
    otherPorts: server.otherNodes.map((node) => node.port),
    templateId,
    token: server.token,
    connections: CONNECTIONS,
    framesInFlight: FRAMES_IN_FLIGHT,
    usersPerFrame: USERS_PER_FRAME,
    seconds: SECONDS_MAX,
    claimsMax: users.count,
    users,
    couponEvery,
  };
}

export function liveClaims(bench: Bench, server: Server, name: string, claims: number): Contender {
  return {
    name,
    prepare: async () => {
      const templateId = await server.publishTemplate(claims);
      const users = bench.freshUsers(claims);
      return {
        target: server,
        run: jobRun(bench.client, liveJob(server, templateId, users, 64)),
        stored: (load) => server.drained(templateId, load.outcomes.claimed),
        check: async (load) => [
          ...verifyOutcomes(load.outcomes, 'claimed'),
          ...(await verifyClaims(server, templateId, load.outcomes.claimed ?? 0, load.coupons)),
        ],
      };
    },
  };
}
