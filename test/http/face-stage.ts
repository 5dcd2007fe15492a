/**
 * The claim routes and the live socket on a real socket of this process, with the real desk and rings behind them. At
 * the far end of the rings stands the test and answers as an owner would.
 */
import { AddressLimit } from '../../src/auth/address-limit.ts';
import { AddressRateLimiter } from '../../src/auth/address-rate-limit.ts';
import { type AuthConfig, createAuthenticator } from '../../src/auth/authenticator.ts';
import { RateLimiter } from '../../src/auth/rate-limit.ts';
import type { Activity, Template } from '../../src/domain/template.ts';
import { ClaimRoutes } from '../../src/http/claim-routes.ts';
import { loadUws } from '../../src/http/uws.ts';
import type { TemplatedApp, us_listen_socket } from '../../src/http/uws-types.ts';
import { LiveClaims } from '../../src/live/live-claims.ts';
import { LiveSocket } from '../../src/live/live-socket.ts';
import { StockWatch } from '../../src/live/stock-watch.ts';
import { DeskStage, type OwnerEnd, type Request, until } from '../claims/desk-stage.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';
import { exchange, type RawAnswer } from './raw-http.ts';

export const ADMIN = 'admin-token-of-the-stage';
export const START_MS = 1_790_000_100_000;
/** Of the template and its activity. */
export const TEMPLATE_ID = 3;
export const ACTIVITY_ID = 12;

export interface StageOptions {
  readonly auth?: Partial<AuthConfig>;
  readonly corsOrigins?: readonly string[];
  readonly userPerSecond?: number;
  readonly addressPerSecond?: number;
  readonly onFault?: (error: unknown) => void;
  readonly template?: Partial<Template>;
  readonly activity?: Partial<Activity>;
}

export class FaceStage {
  nowMs = START_MS;
  remaining = 100;
  readonly warnings: string[] = [];
  readonly shelf: Shelf;
  readonly owner: OwnerEnd;
  readonly claims: ClaimRoutes;
  readonly live: LiveSocket;
  port = 0;
  private readonly stage = new DeskStage();
  private readonly app: TemplatedApp;
  private readonly watch: StockWatch;
  private listening: us_listen_socket | false = false;

  private constructor(options: StageOptions) {
    const sale = activity({ id: ACTIVITY_ID, templateId: TEMPLATE_ID, ...options.activity });
    this.shelf = new Shelf({ id: TEMPLATE_ID, ...options.template }, [sale]);
    this.owner = this.stage.up();
    this.app = loadUws().App();
    const now = (): number => this.nowMs;
    const authenticator = createAuthenticator(
      {
        auth: 'gateway',
        gatewayKey: null,
        jwtSecret: null,
        jwtPublicKey: null,
        jwksUrl: null,
        ...options.auth,
      },
      { adminToken: ADMIN },
      { nowMs: now },
    );
    const { addressPerSecond = 0, corsOrigins = [] } = options;
    const addressLimit =
      addressPerSecond === 0
        ? null
        : new AddressLimit({
            limiter: new AddressRateLimiter(addressPerSecond),
            authenticator,
            log: { warn: (message) => this.warnings.push(message) },
          });
    const shared = {
      authenticator,
      userLimiter: new RateLimiter(options.userPerSecond ?? 0),
      addressLimit,
      corsOrigins,
      now,
    };
    const { view } = this.shelf;
    this.claims = new ClaimRoutes({
      ...shared,
      desk: this.stage.desk,
      template: (id) => (id === TEMPLATE_ID ? view : undefined),
      templateOfActivity: (id) => (id === ACTIVITY_ID ? view : undefined),
      onFault: (error) => {
        if (options.onFault === undefined) throw error;
        options.onFault(error);
      },
    });
    this.watch = new StockWatch({
      activity: (id) => (id === ACTIVITY_ID ? sale : undefined),
      template: () => view.template,
      remaining: () => this.remaining,
      publish: (topic, message, isBinary) => this.app.publish(topic, message, isBinary),
      now,
    });
    this.live = new LiveSocket({
      ...shared,
      claims: new LiveClaims(this.stage.desk),
      watch: this.watch,
      pool: ({ templateId, activityId }) =>
        templateId === TEMPLATE_ID || activityId === ACTIVITY_ID ? view.pools.get(activityId) : undefined,
    });
  }

  static async open(options: StageOptions = {}): Promise<FaceStage> {
    const stage = new FaceStage(options);
    const { app } = stage;
    stage.claims.mount(app);
    stage.live.mount(app);
    await new Promise<void>((resolve) => {
      app.listen('127.0.0.1', 0, (socket) => {
        stage.listening = socket;
        resolve();
      });
    });
    if (stage.listening === false) throw new Error('no port');
    stage.port = loadUws().us_socket_local_port(stage.listening);
    return stage;
  }

  get desk(): DeskStage['desk'] {
    return this.stage.desk;
  }

  pool(activityId = 0) {
    return this.shelf.view.pools.get(activityId)!;
  }

  /** The owner of the template is gone. */
  ownerDown(): void {
    this.desk.ownerDown(0);
  }

  /** The requests that came to the owner since they were last asked for, once there are so many. */
  async sent(count: number): Promise<Request[]> {
    await until(() => this.owner.requests.length >= count, `${count} claims at the owner`);
    return this.owner.requests.splice(0);
  }

  async sentOne(): Promise<Request> {
    return (await this.sent(1))[0];
  }

  /** Wins the unit for whoever claims next, as the owner does it: durable first, then the answer. */
  async win(serial: number, verdict: number): Promise<void> {
    const { slotWord, words } = await this.sentOne();
    this.shelf.sell(serial, words[4] >>> 0, words[5] >>> 0, words[3], this.nowMs);
    this.owner.reply(slotWord, verdict, serial);
  }

  close(): void {
    this.watch.stop();
    this.app.close();
    this.stage.close();
  }
}

/** One claim over HTTP; `lines` are header lines. */
export function claim(
  port: number,
  lines: readonly string[] = ['X-User-Id: 1001'],
  path = `/v1/templates/${TEMPLATE_ID}/claims`,
  body = '',
): Promise<RawAnswer> {
  const head = [`POST ${path} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n');
  return exchange(port, head + body);
}

/** Status, code and headers of a refusal are what clients go by. */
export function codeOf({ status, body }: RawAnswer): [number, string] {
  return [status, (JSON.parse(body) as { code: string }).code];
}
