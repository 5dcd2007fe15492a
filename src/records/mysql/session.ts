/**
 * One connection while somebody works with it. Every statement has a time limit, after which the connection is thrown
 * away: the driver only stops waiting, and what comes back later would be taken for the next answer.
 */
import { Readable } from 'node:stream';
import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { failureOf, StatementTimeout } from './failures.ts';

/** As text over the wire; integers beyond a byte or four come back as strings (mysql2: bigNumberStrings). */
export type Value = string | number | boolean | null | Uint8Array;
export type Cell = string | number | null | Buffer;

export interface Written {
  /** Rows that matched, also when nothing in them changed. */
  readonly matched: number;
  readonly insertId: number;
  readonly warnings: number;
}

const STATEMENT_TRIES = 3;
/** As the driver names it. */
const TIMEOUT = 'PROTOCOL_SEQUENCE_TIMEOUT';

export class Session {
  /** Cannot be used any more: what the server made of the last statement is not known. */
  isBroken = false;
  private readonly connection: PoolConnection;
  private readonly timeoutMs: number;
  private readonly keepsTransaction: boolean;

  /** `keepsTransaction`: the server undoes only the statement when a lock was waited for in vain. */
  constructor(connection: PoolConnection, timeoutMs: number, keepsTransaction: boolean) {
    this.connection = connection;
    this.timeoutMs = timeoutMs;
    this.keepsTransaction = keepsTransaction;
  }

  /** Rows as arrays, in the order of the columns. */
  async rows(sql: string, values: readonly Value[] = [], timeoutMs = this.timeoutMs): Promise<Cell[][]> {
    const rows = await this.send({ sql, ...withValues(values), rowsAsArray: true }, timeoutMs);
    return rows as unknown as Cell[][];
  }

  async row(sql: string, values: readonly Value[] = []): Promise<Cell[] | undefined> {
    return (await this.rows(sql, values))[0];
  }

  /** Changes something. `infile` makes the bytes that LOAD DATA LOCAL reads, anew each time it is called. */
  async run(
    sql: string,
    values: readonly Value[] = [],
    infile?: () => Iterable<Buffer>,
    timeoutMs = this.timeoutMs,
  ): Promise<Written> {
    const streamed = infile && { infileStreamFactory: () => Readable.from(infile(), { objectMode: true }) };
    return written(await this.send({ sql, ...withValues(values), ...streamed }, timeoutMs));
  }

  /** As `run`, prepared: bytes travel as they are and not as twice as many hex digits. */
  async runPrepared(sql: string, values: readonly Value[]): Promise<Written> {
    return written(await this.send({ sql, ...withValues(values) }, this.timeoutMs, 'execute'));
  }

  private async send(
    options: object,
    timeout: number,
    way: 'query' | 'execute' = 'query',
  ): Promise<RowDataPacket[] | ResultSetHeader> {
    for (let tries = 1; ; tries++) {
      try {
        const statement = { ...(options as { sql: string }), timeout };
        const [result] =
          way === 'query'
            ? await this.connection.query<RowDataPacket[] | ResultSetHeader>(statement)
            : await inTime(timeout, this.connection.execute<RowDataPacket[] | ResultSetHeader>(statement));
        return result;
      } catch (error) {
        if ((error as { code?: string }).code === TIMEOUT) {
          this.isBroken = true;
          throw new StatementTimeout(`the database has not answered within ${timeout} ms`);
        }
        const failure = failureOf(error);
        if (failure === 'lost') this.isBroken = true;
        if (failure === 'lockWait' && this.keepsTransaction && tries < STATEMENT_TRIES) continue;
        throw error;
      }
    }
  }

  /** Gives the connection back, or throws it away. */
  release(): void {
    if (this.isBroken) this.connection.destroy();
    else this.connection.release();
  }
}

/** The driver's own limit begins when a statement is prepared, which may take for ever. */
async function inTime<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('timeout'), { code: TIMEOUT })), 2 * timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => {});
  }
}

function written(result: RowDataPacket[] | ResultSetHeader): Written {
  const { affectedRows, insertId, warningStatus } = result as ResultSetHeader;
  return { matched: affectedRows, insertId: Number(insertId), warnings: warningStatus };
}

/**
 * The driver escapes Buffers as bytes, a bare Uint8Array as an object. Given null, it looks for no
 * placeholders: the text of many rows is long, and may hold question marks.
 */
function withValues(values: readonly Value[]): { values: Value[] | null } {
  if (values.length === 0) return { values: null };
  return {
    values: values.map((value) =>
      value instanceof Uint8Array && !Buffer.isBuffer(value)
        ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
        : value,
    ),
  };
}
