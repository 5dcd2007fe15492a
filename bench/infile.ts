/** LOAD DATA LOCAL of a ready file: what the database makes of rows when nobody has to make the rows. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';

const COLUMNS = 'id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until';
const ROWS_PER_PAGE = 20_000;
const READ_BYTES = 1024 * 1024;

export class Infile {
  readonly #connection: Connection;
  readonly #file: string;

  private constructor(connection: Connection, file: string) {
    this.#connection = connection;
    this.#file = file;
  }

  static async connect(url: string, file: string): Promise<Infile> {
    const connection = await createConnection({ uri: url, supportBigNumbers: true, bigNumberStrings: true });
    return new Infile(connection, file);
  }

  /** Writes the stored rows to the file; how many there are. */
  async fill(): Promise<number> {
    const file = await open(this.#file, 'w');
    let rows = 0;
    try {
      for (let after = '0'; ; ) {
        const [page] = await this.#connection.query<RowDataPacket[][]>({
          sql: `SELECT ${COLUMNS} FROM coupons WHERE id > ${after} ORDER BY id LIMIT ${ROWS_PER_PAGE}`,
          rowsAsArray: true,
        });
        if (page.length === 0) return rows;
        await file.write(page.map((row) => `${row.join('\t')}\n`).join(''));
        rows += page.length;
        after = String(page.at(-1)![0]);
      }
    } finally {
      await file.close();
    }
  }

  /** Into an empty table, in one statement; how many rows arrived. */
  async load(): Promise<number> {
    const [{ affectedRows }] = await this.#connection.query<ResultSetHeader>({
      sql: `LOAD DATA LOCAL INFILE 'coupons' INTO TABLE coupons CHARACTER SET ascii
        FIELDS TERMINATED BY '\\t' ESCAPED BY '' LINES TERMINATED BY '\\n' (${COLUMNS})`,
      infileStreamFactory: () => createReadStream(this.#file, { highWaterMark: READ_BYTES }),
    });
    return affectedRows;
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }
}
