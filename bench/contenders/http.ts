/** Contenders over HTTP: the bare handler, won claims, refusals after sell-out, repeats. */
import type { Contender, PreparedRun } from '../contender.ts';
import { jobRun } from '../contender.ts';
import type { ClosedLoopJob, KeptCoupon, OpenLoopJob, UserRange } from '../load/jobs.ts';
import { claimsPath, type Server } from '../processes/server.ts';
import type { Target } from '../processes/target.ts';
import type { Bench } from '../scenarios/scenario.ts';
import { verifyClaims, verifyOutcomes } from '../verify.ts';

/** The way of sending, the same for every contender of a comparison. */
export interface Sending {
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second in open loop; null: closed loop. */
  readonly rate: number | null;
  /** In open loop: by a timer instead of by polling, up to a millisecond late. Leaves the rest of its core to others. */
  readonly isTimed?: boolean;
  /** As many and no more, however long it takes: with won claims, a template sold to its last unit. */
  readonly requests?: number;
}

/** More than any server of this kind answers on one thread: stock and users never run out during a run. */
const RPS_MAX = 150_000;
const COUPON_SAMPLING = 64;
const REPEATING_USERS = 20_000;
const SOLD_OUT_STOCK = 1_000;

function requestsMax(sending: Sending): number {
  return sending.requests ?? Math.ceil(sending.seconds * (sending.rate ?? RPS_MAX));
}

export function httpJob(
  target: Target,
  path: string,
  users: UserRange,
  sending: Sending,
  couponEvery: number,
): ClosedLoopJob | OpenLoopJob {
  const common = {
    port: target.port,
    otherPorts: (target.otherNodes ?? []).map((node) => node.port),
    path,
    connections: sending.connections,
    seconds: sending.seconds,
    requestsMax: requestsMax(sending),
    users,
    couponEvery,
  };
  return sending.rate === null
    ? { kind: 'closed-loop', ...common }
    : { kind: 'open-loop', rate: sending.rate, isTimed: sending.isTimed ?? false, ...common };
}

export function bareHandler(bench: Bench, sending: Sending): Contender {
  const users = bench.freshUsers(requestsMax(sending));
  return {
    name: `yardstick-${sending.connections}`,
    prepare: async () => ({
      target: bench.yardstick,
      // The same sampling as for the claims: the generator does the same work for both.
      run: jobRun(bench.client, httpJob(bench.yardstick, claimsPath('1'), users, sending, COUPON_SAMPLING)),
      check: async (load) => verifyOutcomes(load.outcomes, '201'),
    }),
  };
}

/** Every run sells a template of its own to users of its own. */
export function wonClaims(bench: Bench, server: Server, name: string, sending: Sending): Contender {
  return {
    name,
    prepare: async () => {
      const claims = requestsMax(sending);
      const templateId = await server.publishTemplate(claims);
      const users = bench.freshUsers(claims);
      return {
        target: server,
        run: jobRun(bench.client, httpJob(server, claimsPath(templateId), users, sending, COUPON_SAMPLING)),
        stored: (load) => server.drained(templateId, load.outcomes['201']),
        check: async (load) => {
          if (bench.injectLostRow) {
            await server.drained(templateId);
            await server.rows.loseOne(templateId);
          }
          return [
            ...verifyOutcomes(load.outcomes, '201'),
            ...(await verifyClaims(server, templateId, load.outcomes['201'] ?? 0, load.coupons)),
          ];
        },
      };
    },
  };
}

/** One template sold to the last unit, then asked for by users who come too late. */
export async function soldOut(
  bench: Bench,
  server: Server,
  name: string,
  sending: Sending,
): Promise<Contender> {
  const templateId = await server.publishTemplate(SOLD_OUT_STOCK);
  await sell(bench, server, templateId, bench.freshUsers(SOLD_OUT_STOCK));
  const prepare = async (): Promise<PreparedRun> => {
    const users = bench.freshUsers(requestsMax(sending));
    return {
      target: server,
      run: jobRun(bench.client, httpJob(server, claimsPath(templateId), users, sending, 0)),
      check: async (load) => [
        ...verifyOutcomes(load.outcomes, '409 sold_out'),
        ...(await verifyClaims(server, templateId, SOLD_OUT_STOCK, [])),
      ],
    };
  };
  return { name, prepare };
}

/** Users who hold a coupon already and ask again, round and round. */
export async function repeats(
  bench: Bench,
  server: Server,
  name: string,
  sending: Sending,
): Promise<Contender> {
  const templateId = await server.publishTemplate(REPEATING_USERS);
  const users = bench.freshUsers(REPEATING_USERS);
  const first = await sell(bench, server, templateId, users);
  const held = new Map(first.map((coupon) => [coupon.userId, coupon.couponId]));
  return {
    name,
    prepare: async () => ({
      target: server,
      run: jobRun(bench.client, httpJob(server, claimsPath(templateId), users, sending, COUPON_SAMPLING)),
      check: async (load) => {
        const other = load.coupons.filter(({ userId, couponId }) => held.get(userId) !== couponId).length;
        return [
          ...verifyOutcomes(load.outcomes, '200'),
          ...(other > 0 ? [`${other} repeats were answered with another coupon than the first time`] : []),
          ...(await verifyClaims(server, templateId, REPEATING_USERS, first)),
        ];
      },
    }),
  };
}

/** One claim for each of the users; throws unless all are won. */
export async function sell(
  bench: Bench,
  server: Server,
  templateId: string,
  users: UserRange,
): Promise<readonly KeptCoupon[]> {
  const load = await bench.client.run({
    kind: 'closed-loop',
    port: server.port,
    path: claimsPath(templateId),
    connections: 64,
    seconds: 60,
    requestsMax: users.count,
    users,
    couponEvery: 1,
  });
  const wrong = verifyOutcomes(load.outcomes, '201');
  if (wrong.length > 0) throw new Error(`preparing: ${wrong.join('; ')}`);
  await server.drained(templateId);
  return load.coupons;
}
