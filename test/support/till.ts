/** Where orders are rung up: one server as the gateway reaches it, for users, the order system and operators. */
import type { Answer } from './connection.ts';
import { Connection, ConnectionLost } from './connection.ts';
import { ADMIN_TOKEN } from './server.ts';
import { until } from './wait.ts';

export const GATEWAY_KEY = 'the-gateway-key-of-the-shop';
export type Caller = { readonly user: string } | 'service' | 'operator' | 'nobody';

export class Till {
  /** Where the server answers; null while it is down. */
  private readonly port: () => number | null;
  /** How long `must` asks again while it is told `unavailable`. */
  private readonly patienceMs: number;
  private readonly idle: { readonly connection: Connection; readonly port: number }[] = [];

  constructor(port: () => number | null, patienceMs = 0) {
    this.port = port;
    this.patienceMs = patienceMs;
  }

  /** Over a connection of its own as long as nobody else uses it. Rejects with ConnectionLost when nobody answers. */
  async call(
    caller: Caller,
    method: string,
    path: string,
    body?: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const port = this.port();
    if (port === null) throw new ConnectionLost('the server is down');
    const open = this.idle.pop();
    const isGood = open !== undefined && !open.connection.lost && open.port === port;
    if (!isGood) open?.connection.close();
    const connection = isGood ? open.connection : await Connection.open(port);
    const answer = await connection.request({
      method,
      path,
      headers: { ...headersOf(caller), ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.idle.push({ connection, port });
    return answer;
  }

  /** The same, expected to be answered with this status, or refused with this code. */
  async must(
    expected: number | string,
    caller: Caller,
    method: string,
    path: string,
    body?: unknown,
    more: Readonly<Record<string, string>> = {},
    // biome-ignore lint/suspicious/noExplicitAny: what the routes answer is what the tests look at
  ): Promise<any> {
    const deadlineMs = Date.now() + this.patienceMs;
    const { status, text, json } = await until(
      async () => {
        const answer = await this.call(caller, method, path, body, more);
        return (answer.json?.code !== 'unavailable' || Date.now() >= deadlineMs) && answer;
      },
      `${method} ${path} is answered`,
      this.patienceMs + 1_000,
    );
    if ((typeof expected === 'number' ? status : json?.code) !== expected)
      throw new Error(`${method} ${path}: ${status} instead of ${expected}: ${text}`);
    return json;
  }

  /** One coupon with its history, as operators see it. */
  history(
    couponId: string,
  ): Promise<{ status: string; history: { event: string; sequence: number; redemptionId?: string }[] }> {
    return this.must(200, 'operator', 'GET', `/v1/coupons/${couponId}`);
  }

  async events(couponId: string): Promise<string[]> {
    return (await this.history(couponId)).history.map(({ event }) => event);
  }

  /** As its holder sees it. */
  seen(user: string, couponId: string): Promise<{ status: string; orderId?: string }> {
    return this.must(200, { user }, 'GET', `/v1/me/coupons/${couponId}`);
  }

  closeConnections(): void {
    for (const { connection } of this.idle.splice(0)) connection.close();
  }
}

function headersOf(caller: Caller): Record<string, string> {
  if (caller === 'nobody') return {};
  if (caller === 'operator') return { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const key = { 'X-Gateway-Key': GATEWAY_KEY };
  return caller === 'service' ? key : { ...key, 'X-User-Id': caller.user };
}
