/**
 * A crowd in front of several nodes. Unlike the plain crowd it outlives them: a lane whose node is gone comes back to it
 * as soon as it answers again, and whoever is told `unavailable` waits a little, as clients do.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Claim, ClaimsBook, Sale } from './book.ts';
import { Connection, ConnectionLost } from './connection.ts';
import { claim } from './crowd.ts';
import type { Random } from './random.ts';

/** Whoever answers claims; null while it is down. */
export interface Door {
  readonly port: number | null;
}

export interface NodesCrowdOptions {
  readonly doors: readonly Door[];
  readonly book: ClaimsBook;
  readonly random: Random;
  readonly sales: readonly Sale[];
  /** Users are numbered from 1 to this. */
  readonly users: number;
  /** Connections to each node. */
  readonly connections?: number;
  /** Between two claims of a connection: bounds the crowd so that a long fault does not see everything sold. */
  readonly restMs?: number;
}

const BACK_OFF_MS = 25;

export class NodesCrowd {
  answered = 0;
  /** Requests sent whose connection ended before an answer came. */
  unanswered = 0;
  /** Won since the start, by door. */
  readonly won: number[];
  private stopping = false;
  private readonly options: NodesCrowdOptions;
  private readonly lanes: Promise<void>[];

  constructor(options: NodesCrowdOptions) {
    this.options = options;
    this.won = options.doors.map(() => 0);
    this.lanes = options.doors.flatMap((_, at) =>
      Array.from({ length: options.connections ?? 12 }, () => this.lane(at)),
    );
  }

  /** Lets every request that was sent be answered. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.lanes);
  }

  private async lane(at: number): Promise<void> {
    const { doors, book, restMs = 5 } = this.options;
    let connection: Connection | null = null;
    while (!this.stopping) {
      const { port } = doors[at];
      try {
        if (port === null) throw new ConnectionLost('the node is down');
        connection ??= await Connection.open(port);
        this.unanswered++;
        const { status } = await claim(connection, book, this.choose());
        this.unanswered--;
        this.answered++;
        if (status === 201) this.won[at]++;
        await pause(status === 503 ? BACK_OFF_MS : restMs);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        connection?.close();
        connection = null;
        await pause(BACK_OFF_MS);
      }
    }
    connection?.close();
  }

  private choose(): Claim {
    const { random, sales, users } = this.options;
    const sale = sales[random.below(sales.length)];
    // A third of the claims come from a twentieth of the users: repeats, at the same and at another node.
    const some = random.next() < 0.66 ? users : Math.ceil(users / 20);
    const userId = String(1 + random.below(some));
    const key = sale.perUserLimit > 1 && random.next() < 0.7 ? `k${random.below(3)}` : null;
    return { sale, userId, key };
  }
}
