/**
 * A crowd: many connections, each sending one claim after the other for users of its own choosing, repeats and keys
 * among them, until told to stop or until the server is gone. Everything answered goes into the book.
 */
import type { Claim, ClaimsBook, Sale } from './book.ts';
import { Connection, ConnectionLost } from './connection.ts';
import type { Random } from './random.ts';

export interface CrowdOptions {
  readonly port: number;
  readonly book: ClaimsBook;
  readonly random: Random;
  readonly sales: readonly Sale[];
  readonly connections?: number;
  /** Users are numbered from 1 to this. */
  readonly users: number;
}

export function claimPath({ templateId, activityId }: Sale): string {
  return activityId === undefined
    ? `/v1/templates/${templateId}/claims`
    : `/v1/activities/${activityId}/claims`;
}

/** One claim as its user; the answer is also in the book. */
export async function claim(connection: Connection, book: ClaimsBook, one: Claim) {
  book.sent(one);
  const answer = await connection.request({
    method: 'POST',
    path: claimPath(one.sale),
    headers: { 'X-User-Id': one.userId, ...(one.key === null ? {} : { 'Idempotency-Key': one.key }) },
  });
  book.answered(one, answer);
  return answer;
}

export class Crowd {
  /** Requests sent whose connection ended before an answer came. */
  unanswered = 0;
  answered = 0;
  private stopping = false;
  private readonly options: CrowdOptions;
  private readonly lanes: Promise<void>[];

  constructor(options: CrowdOptions) {
    this.options = options;
    this.lanes = Array.from({ length: options.connections ?? 48 }, () => this.lane());
  }

  /** Lets every request that was sent be answered. Rejects with what went wrong besides lost connections. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.ended();
  }

  /** Resolves when every connection has ended, which a killed server brings about. */
  async ended(): Promise<void> {
    await Promise.all(this.lanes);
  }

  private async lane(): Promise<void> {
    const { port, book } = this.options;
    try {
      const connection = await Connection.open(port);
      while (!this.stopping) {
        this.unanswered++;
        await claim(connection, book, this.choose());
        this.unanswered--;
        this.answered++;
      }
      connection.close();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  private choose(): Claim {
    const { random, sales, users } = this.options;
    const sale = sales[random.below(sales.length)];
    // Half of the claims come from a twentieth of the users: repeats, also while the first is under way.
    const some = random.next() < 0.5 ? users : Math.ceil(users / 20);
    const userId = String(1 + random.below(some));
    const key = sale.perUserLimit > 1 && random.next() < 0.7 ? `k${random.below(3)}` : null;
    return { sale, userId, key };
  }
}
