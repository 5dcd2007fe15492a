/** Quotes of wallets that are in the cache, and the bare handler that answers with one of them. */
import type { Contender, PreparedRun } from '../contender.ts';
import { jobRun } from '../contender.ts';
import type { ClosedLoopJob, OpenLoopJob } from '../load/jobs.ts';
import type { OrderWallets } from '../order-wallets.ts';
import type { Server } from '../processes/server.ts';
import type { Target } from '../processes/target.ts';
import type { Bench } from '../scenarios/scenario.ts';
import { verifyOutcomes } from '../verify.ts';
import { httpJob, type Sending } from './http.ts';

export const QUOTES_PATH = '/v1/quotes';
const WARMING_SECONDS = 30;

/** Quotes with these bodies, and what each of them must come to. */
export interface Asked {
  readonly bodies: readonly string[];
  readonly payable: number;
  /** Of one of the users. */
  readonly answer: string;
}

/** Asks once. */
export async function askedOf(
  server: Server,
  wallets: OrderWallets,
  bodies: readonly string[],
): Promise<Asked> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${QUOTES_PATH}`, {
    method: 'POST',
    headers: { 'x-user-id': String(wallets.users.first), 'content-type': 'application/json' },
    body: bodies[0]!,
  });
  const text = await answer.text();
  const { payable, coupons } = JSON.parse(text) as {
    payable?: number;
    coupons?: readonly { reason?: string }[];
  };
  const applied = coupons?.filter(({ reason }) => reason === undefined).length;
  if (payable === undefined || applied !== wallets.couponsEach)
    throw new Error(`not all coupons apply: ${text}`);
  return { bodies, payable, answer: text };
}

function jobOf(
  target: Target,
  wallets: OrderWallets,
  { bodies }: Asked,
  sending: Sending,
): ClosedLoopJob | OpenLoopJob {
  return { ...httpJob(target, QUOTES_PATH, wallets.users, sending, 0), bodies, countedBy: 'payable' };
}

function outcomeOf({ payable }: Asked): string {
  return `200 payable ${payable}`;
}

export function quotes(
  bench: Bench,
  server: Server,
  name: string,
  wallets: OrderWallets,
  asked: Asked,
  sending: Sending,
): Contender {
  const prepare = async (): Promise<PreparedRun> => {
    await warm(bench, server, wallets, asked);
    return {
      target: server,
      run: jobRun(bench.client, jobOf(server, wallets, asked, sending)),
      check: async (load) => [
        ...verifyOutcomes(load.outcomes, outcomeOf(asked)),
        ...(await wallets.verify(server)),
      ],
    };
  };
  return { name, prepare };
}

/** The same requests, read to their end, and one of the answers. */
export function bareQuotes(bench: Bench, wallets: OrderWallets, asked: Asked, sending: Sending): Contender {
  const { yardstick, client } = bench;
  return {
    name: `yardstick-${sending.connections}`,
    prepare: async () => {
      const url = `http://127.0.0.1:${yardstick.port}/quote-answer`;
      await fetch(url, { method: 'POST', body: asked.answer });
      return {
        target: yardstick,
        run: jobRun(client, jobOf(yardstick, wallets, asked, sending)),
        check: async (load) => verifyOutcomes(load.outcomes, outcomeOf(asked)),
      };
    },
  };
}

/** Every wallet is read once. */
async function warm(bench: Bench, server: Server, wallets: OrderWallets, asked: Asked): Promise<void> {
  const sending = {
    connections: 8,
    seconds: WARMING_SECONDS,
    rate: null,
    requests: wallets.users.count,
  };
  const { outcomes } = await bench.client.run(jobOf(server, wallets, asked, sending));
  const wrong = verifyOutcomes(outcomes, outcomeOf(asked));
  if (wrong.length > 0) throw new Error(`warming: ${wrong.join('; ')}`);
}
