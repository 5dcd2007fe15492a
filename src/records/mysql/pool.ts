/**
 * Connections to the database, and what is done when one of them or a transaction fails.
 *
 * A deadlock begins the transaction again. A lost connection leaves open whether the last statement, or the commit, has
 * happened: reads are repeated once, and of the writes only those that say they may be.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import { MYSQL_TIMEOUT_MS } from '../../limits.ts';
import { failureOf, StatementTimeout } from './failures.ts';
import { Session } from './session.ts';

export interface MysqlOptions {
  readonly connections?: number;
  /** A server that is silent for so long counts as lost. */
  readonly statementTimeoutMs?: number;
  /** How long a statement waits for a lock; whole seconds, three of them must fit the statement timeout. */
  readonly lockWaitSeconds?: number;
  /** false: rows are always inserted by INSERT. */
  readonly loadData?: boolean;
}

const CONNECTIONS = 8;
const QUEUE_MAX = 512;
const LOCK_WAIT_SECONDS_MAX = 3;
const RESTARTS_MAX = 10;
const PAUSE_MS = 5;

export interface TransactionOptions<T> {
  /** Doing it again does no harm when it was done already. */
  readonly mayRepeat?: boolean;
  /** Whether what the body came to is kept; otherwise all it did is rolled back. */
  readonly keeps?: (outcome: T) => boolean;
  /** Other failures after which the transaction is begun again. */
  readonly again?: (error: unknown) => boolean;
  /** All that is read is of one moment. */
  readonly snapshot?: boolean;
}

function lockWaitSeconds(timeoutMs: number): number {
  return Math.max(1, Math.min(LOCK_WAIT_SECONDS_MAX, Math.floor(timeoutMs / 3000)));
}

export class MysqlPool {
  private readonly pool: Pool;
  private readonly setUp = new WeakSet<object>();
  private readonly timeoutMs: number;
  private readonly sessionSql: string;
  private keepsTransaction = false;

  constructor(url: string, options: MysqlOptions = {}) {
    this.timeoutMs = options.statementTimeoutMs ?? MYSQL_TIMEOUT_MS;
    this.pool = createPool({
      uri: url,
      connectionLimit: options.connections ?? CONNECTIONS,
      queueLimit: QUEUE_MAX,
      connectTimeout: this.timeoutMs,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      timezone: 'Z',
    });
    // Read committed: each statement sees what was committed before it, and gaps between keys are not locked.
    this.sessionSql = [
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
      "time_zone = '+00:00'",
      `innodb_lock_wait_timeout = ${options.lockWaitSeconds ?? lockWaitSeconds(this.timeoutMs)}`,
    ].join(', ');
  }

  /** Must be called before anything else: learns how the server treats lock waits. */
  async open(): Promise<void> {
    await this.withSession(async (session) => {
      const row = await session.row("SHOW VARIABLES LIKE 'innodb_rollback_on_timeout'");
      this.keepsTransaction = row !== undefined && row[1] === 'OFF';
    });
  }

  /** Runs statements that change nothing, each on its own. */
  async read<T>(body: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.withSession(body);
    } catch (error) {
      if (failureOf(error) !== 'lost') throw error;
      return this.withSession(body);
    }
  }

  /** `body` is told whether an earlier attempt of this call may have been committed. */
  async transaction<T>(
    body: (session: Session, repeated: boolean) => Promise<T>,
    { mayRepeat = false, keeps = () => true, again, snapshot = false }: TransactionOptions<T> = {},
  ): Promise<T> {
    let repeated = false;
    for (let restarts = 0; ; ) {
      try {
        return await this.withSession(async (session) => {
          if (snapshot) await session.run('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
          await session.run(snapshot ? 'START TRANSACTION WITH CONSISTENT SNAPSHOT' : 'START TRANSACTION');
          try {
            const outcome = await body(session, repeated);
            await session.run(keeps(outcome) ? 'COMMIT' : 'ROLLBACK');
            return outcome;
          } catch (error) {
            await rollBack(session);
            throw error;
          }
        });
      } catch (error) {
        const failure = failureOf(error);
        const isFresh = failure === 'deadlock' || again?.(error) === true;
        if (isFresh && restarts < RESTARTS_MAX) restarts++;
        else if (failure === 'lost' && mayRepeat && !repeated) repeated = true;
        else throw error;
        await pause(PAUSE_MS * 2 ** Math.min(restarts, 6) * (0.5 + Math.random()));
      }
    }
  }

  /** Lends a connection to `body`; no repetition. */
  async withSession<T>(body: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.acquire();
    try {
      return await body(session);
    } finally {
      session.release();
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  /** A connection, ready for use. It must be released. */
  async acquire(): Promise<Session> {
    const connection = await this.take();
    const session = new Session(connection, this.timeoutMs, this.keepsTransaction);
    // The promise API wraps a connection anew each time it is lent.
    const key = connection.connection as object;
    if (this.setUp.has(key)) return session;
    try {
      await session.run(this.sessionSql);
      await session.run('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
      this.setUp.add(key);
      return session;
    } catch (error) {
      session.isBroken = true;
      session.release();
      throw error;
    }
  }

  /** The driver's queue has no time limit of its own. */
  private take(): Promise<PoolConnection> {
    const taking = this.pool.getConnection();
    return new Promise((resolve, reject) => {
      let waiting = true;
      const timer = setTimeout(() => {
        waiting = false;
        reject(new StatementTimeout(`no connection to the database within ${this.timeoutMs} ms`));
      }, this.timeoutMs);
      taking.then(
        (connection) => {
          clearTimeout(timer);
          if (waiting) resolve(connection);
          else connection.release();
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}

async function rollBack(session: Session): Promise<void> {
  if (session.isBroken) return;
  try {
    await session.run('ROLLBACK');
  } catch {
    // A connection that cannot even do this is not lent again.
    session.isBroken = true;
  }
}
