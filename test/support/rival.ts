/** Somebody else at the database, who locks what the flusher needs. */
import mysql from 'mysql2/promise';
import { query } from './rows.ts';
import { until } from './wait.ts';

const SCRATCH_ROWS = 2 ** 15;

export class Rival {
  private readonly connection: mysql.Connection;
  private readonly mysqlUrl: string;

  private constructor(mysqlUrl: string, connection: mysql.Connection) {
    this.mysqlUrl = mysqlUrl;
    this.connection = connection;
  }

  static async connect(mysqlUrl: string): Promise<Rival> {
    const connection = await mysql.createConnection({ uri: mysqlUrl, connectTimeout: 10_000 });
    // Between keys, too: nobody inserts behind the last one.
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await connection.query('CREATE TABLE IF NOT EXISTS rival_scratch (n INT) ENGINE=InnoDB');
    return new Rival(mysqlUrl, connection);
  }

  /** Begins a transaction that no database chooses to end when it has another to choose. */
  async beginHeavy(): Promise<void> {
    await this.connection.query('START TRANSACTION');
    await this.connection.query('INSERT INTO rival_scratch VALUES (1)');
    for (let rows = 1; rows < SCRATCH_ROWS; rows *= 2)
      await this.connection.query('INSERT INTO rival_scratch SELECT n FROM rival_scratch');
  }

  /** What a flusher writes after its rows and before its watermark. */
  async lockBlocks(): Promise<void> {
    await this.connection.query('SELECT id FROM claim_blocks FOR UPDATE');
  }

  /** Waits for whoever has written some. */
  async lockCoupons(): Promise<void> {
    await this.connection.query('SELECT id FROM coupons FOR UPDATE');
  }

  async rollBack(): Promise<void> {
    await this.connection.query('ROLLBACK');
  }

  close(): void {
    this.connection.destroy();
  }

  /** The connection of a flusher that writes a block, which it cannot while these are locked: its rows are written. */
  flusherWaits(): Promise<string> {
    const database = new URL(this.mysqlUrl).pathname.slice(1);
    const sql = `SELECT id FROM information_schema.processlist WHERE db = '${database}'
      AND (info LIKE 'UPDATE claim_blocks%' OR info LIKE 'INSERT INTO claim_blocks%')`;
    return until(async () => (await query(this.mysqlUrl, sql))[0]?.id, 'the flusher waits for its block');
  }

  async killConnection(id: string): Promise<void> {
    await query(this.mysqlUrl, `KILL CONNECTION ${id}`).catch((error: Error) => {
      // It may have given up at this very moment.
      if (!/Unknown thread/.test(error.message)) throw error;
    });
  }
}
