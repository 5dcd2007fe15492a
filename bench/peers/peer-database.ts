/** A database of one server's own, read past that server: what was stored is counted where it lies. */
import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import type { KeptCoupon } from '../load/jobs.ts';

const COUPONS_PER_QUERY = 1000;
const SERIALS = 2 ** 32;

export class PeerDatabase {
  readonly url: string;
  readonly #name: string;
  readonly #connection: Connection;

  private constructor(url: string, name: string, connection: Connection) {
    this.url = url;
    this.#name = name;
    this.#connection = connection;
  }

  /** `serverUrl` names a user who may create databases. */
  static async create(serverUrl: string, name: string): Promise<PeerDatabase> {
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    const connection = await createConnection({
      uri: serverUrl,
      supportBigNumbers: true,
      bigNumberStrings: true,
    });
    await connection.query(`CREATE DATABASE ${name}`);
    await connection.query(`USE ${name}`);
    return new PeerDatabase(url.href, name, connection);
  }

  async countRows(templateId: number): Promise<number> {
    return this.#count('count(*)', templateId);
  }

  async countUsers(templateId: number): Promise<number> {
    return this.#count('count(DISTINCT user_id)', templateId);
  }

  /** Those of `coupons` that are not stored for the user who was given them. */
  async missing(coupons: readonly KeptCoupon[]): Promise<KeptCoupon[]> {
    const missing: KeptCoupon[] = [];
    for (let at = 0; at < coupons.length; at += COUPONS_PER_QUERY) {
      const some = coupons.slice(at, at + COUPONS_PER_QUERY);
      const [rows] = await this.#connection.query<RowDataPacket[]>(
        'SELECT id, user_id FROM coupons WHERE id IN (?)',
        [some.map((coupon) => coupon.couponId)],
      );
      const users = new Map(rows.map((row) => [String(row.id), String(row.user_id)]));
      missing.push(...some.filter(({ couponId, userId }) => users.get(couponId) !== String(userId)));
    }
    return missing;
  }

  /** The fault the bench must notice. */
  async loseOne(templateId: number): Promise<void> {
    const [{ affectedRows }] = await this.#connection.query<ResultSetHeader>(
      'DELETE FROM coupons WHERE template_id = ? LIMIT 1',
      [templateId],
    );
    if (affectedRows !== 1) throw new Error('no row to lose');
  }

  async clear(tables: readonly string[] = ['coupons']): Promise<void> {
    for (const table of tables) await this.#connection.query(`TRUNCATE TABLE ${table}`);
  }

  async drop(): Promise<void> {
    await this.#connection.query(`DROP DATABASE ${this.#name}`);
    await this.#connection.end();
  }

  async #count(what: string, templateId: number): Promise<number> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      // Coupon ids of one template are one range: no other template's rows are read.
      `SELECT ${what} AS number FROM coupons WHERE template_id = ? AND id >= ? AND id < ?`,
      [templateId, templateId * SERIALS, (templateId + 1) * SERIALS],
    );
    return Number(rows[0]!.number);
  }
}
