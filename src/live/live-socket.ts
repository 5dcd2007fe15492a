/**
 * The WebSocket /v1/live: authenticates, parses, and hands claims to LiveClaims and watches to StockWatch. Whatever is
 * malformed is answered with an error; the third time the connection closes with 1007.
 */
import type { Authenticator } from '../auth/authenticator.ts';
import { type Caller, NO_CREDENTIALS, SERVICE_NEEDED, USER_NEEDED } from '../auth/caller.ts';
import type { RateLimiter } from '../auth/rate-limit.ts';
import { notFound, STOPPING } from '../claims/refusal.ts';
import type { PoolView } from '../claims/template-view.ts';
import { parseUserId } from '../domain/user-id.ts';
import { writeProblem } from '../http/claim-answers.ts';
import { smugglingProblem } from '../http/smuggling.ts';
import type { TemplatedApp, WebSocket } from '../http/uws-types.ts';
import { WS_MESSAGE_BYTES_MAX } from '../limits.ts';
import { type Problem, problem } from '../problems.ts';
import { decode, encode, isProtocol, type Protocol } from './codec.ts';
import type { LiveClaims } from './live-claims.ts';
import { type ClientMessage, type Malformed, parseMessage, type RequestId, type Target } from './messages.ts';
import type { StockWatch } from './stock-watch.ts';

const STRIKES_MAX = 3;
const WATCHES_MAX = 256;
const IDLE_TIMEOUT_S = 120;
/** A client that reads slower than this behind its answers is cut off. */
const BACKPRESSURE_BYTES_MAX = 1024 * 1024;
/** RFC 6455: data that does not fit the message type. */
const CLOSE_MALFORMED = 1007;
const CLOSE_GOING_AWAY = 1001;

interface Session {
  readonly protocol: Protocol;
  caller: Caller | null;
  strikes: number;
  closed: boolean;
  readonly watches: Set<number>;
}

type Socket = WebSocket<Session>;

export interface LiveSocketOptions {
  readonly authenticator: Pick<Authenticator, 'caller' | 'fromToken'>;
  readonly claims: LiveClaims;
  readonly watch: StockWatch;
  readonly userLimiter: RateLimiter;
  readonly pool: (target: Target) => PoolView | undefined;
  readonly corsOrigins: readonly string[];
  readonly now: () => number;
}

export class LiveSocket {
  draining = false;
  private readonly options: LiveSocketOptions;
  private readonly sockets = new Set<Socket>();
  private readonly words = new Uint32Array(2);

  constructor(options: LiveSocketOptions) {
    this.options = options;
  }

  get connections(): number {
    return this.sockets.size;
  }

  mount(app: TemplatedApp): void {
    const { authenticator, corsOrigins } = this.options;
    app.ws<Session>('/v1/live', {
      maxPayloadLength: WS_MESSAGE_BYTES_MAX,
      idleTimeout: IDLE_TIMEOUT_S,
      maxBackpressure: BACKPRESSURE_BYTES_MAX,
      closeOnBackpressureLimit: true,
      sendPingsAutomatically: true,
      upgrade: (res, req, context) => {
        const refuse = (refused: Problem): void => writeProblem(res, refused, []);
        const smuggling = smugglingProblem(req);
        if (smuggling !== null) return refuse(smuggling);
        if (this.draining) return refuse(STOPPING);
        const origin = req.getHeader('origin');
        if (origin !== '' && !corsOrigins.includes(origin))
          return refuse(problem('forbidden', 'This origin may not connect.'));
        const offered = req
          .getHeader('sec-websocket-protocol')
          .split(',')
          .map((name) => name.trim());
        const protocol = offered.find(isProtocol);
        if (protocol === undefined) {
          return refuse(
            problem('invalid_request', 'Offer the subprotocol doorbuster.json or doorbuster.msgpack.'),
          );
        }
        const caller = authenticator.caller((name) => req.getHeader(name));
        // Without any credentials the first message must bring a token; wrong ones are refused here.
        const given = ['authorization', 'x-user-id', 'x-gateway-key'].some(
          (name) => req.getHeader(name) !== '',
        );
        if (!caller.ok && given) return refuse(caller.problem);
        const session: Session = {
          protocol,
          caller: caller.ok ? caller.value : null,
          strikes: 0,
          closed: false,
          watches: new Set(),
        };
        const key = req.getHeader('sec-websocket-key');
        res.upgrade(session, key, protocol, req.getHeader('sec-websocket-extensions'), context);
      },
      open: (ws) => {
        this.sockets.add(ws);
      },
      message: (ws, message, isBinary) => this.receive(ws, message, isBinary),
      close: (ws) => {
        const session = ws.getUserData();
        session.closed = true;
        this.sockets.delete(ws);
        for (const activityId of session.watches) this.options.watch.remove(activityId);
      },
    });
  }

  /** Tells every client to go elsewhere. */
  closeAll(): void {
    for (const ws of [...this.sockets]) ws.end(CLOSE_GOING_AWAY, 'server is stopping');
  }

  private receive(ws: Socket, message: ArrayBuffer, isBinary: boolean): void {
    const session = ws.getUserData();
    const value = decode(session.protocol, message, isBinary);
    const parsed: ClientMessage | Malformed =
      value === undefined
        ? {
            op: 'malformed',
            id: undefined,
            detail: 'The message cannot be read as what the subprotocol says.',
          }
        : parseMessage(value);
    switch (parsed.op) {
      case 'malformed':
        this.error(ws, session, problem('invalid_request', parsed.detail), parsed.id);
        if (++session.strikes >= STRIKES_MAX) ws.end(CLOSE_MALFORMED, 'malformed messages');
        break;
      case 'auth': {
        const caller = this.options.authenticator.fromToken(parsed.token);
        if (!caller.ok) this.error(ws, session, caller.problem, undefined);
        else {
          session.caller = caller.value;
          this.send(ws, session, { op: 'authenticated' });
        }
        break;
      }
      case 'claim':
        this.claim(ws, session, parsed);
        break;
      case 'claims':
        this.claimBatch(ws, session, parsed);
        break;
      case 'watch':
        this.startWatch(ws, session, parsed.activityId);
        break;
      case 'unwatch':
        if (session.watches.delete(parsed.activityId)) {
          ws.unsubscribe(this.options.watch.topic(parsed.activityId, session.protocol));
          this.options.watch.remove(parsed.activityId);
        }
        break;
    }
  }

  private claim(ws: Socket, session: Session, { id, target, key }: ClientMessage & { op: 'claim' }): void {
    const { caller } = session;
    const nowMs = this.options.now();
    if (caller === null) return this.refuse(ws, session, id, NO_CREDENTIALS);
    if (caller.userId === null || !parseUserId(caller.userId, this.words))
      return this.refuse(ws, session, id, USER_NEEDED);
    const [lo, hi] = this.words;
    const waitMs = this.options.userLimiter.admit(lo, hi, nowMs);
    if (waitMs > 0)
      return this.refuse(
        ws,
        session,
        id,
        problem('rate_limited', `Too many claims; wait ${Math.ceil(waitMs)} ms.`),
      );
    const pool = this.pool(target);
    if ('code' in pool) return this.refuse(ws, session, id, pool);
    this.options.claims.claim(id, pool, lo, hi, key, nowMs, (message) => this.send(ws, session, message));
  }

  private claimBatch(
    ws: Socket,
    session: Session,
    { id, target, userIds, keys }: ClientMessage & { op: 'claims' },
  ): void {
    const { caller } = session;
    if (caller === null) return this.refuse(ws, session, id, NO_CREDENTIALS);
    if (!caller.service) return this.refuse(ws, session, id, SERVICE_NEEDED);
    const pool = this.pool(target);
    if ('code' in pool) return this.refuse(ws, session, id, pool);
    this.options.claims.claims(id, pool, userIds, keys, this.options.now(), (message) =>
      this.send(ws, session, message),
    );
  }

  private pool(target: Target): PoolView | Problem {
    return this.draining ? STOPPING : (this.options.pool(target) ?? notFound('coupon'));
  }

  private startWatch(ws: Socket, session: Session, activityId: number): void {
    const { watch } = this.options;
    if (session.watches.has(activityId)) return;
    if (session.watches.size >= WATCHES_MAX) {
      this.error(
        ws,
        session,
        problem('overloaded', `One connection watches at most ${WATCHES_MAX} activities.`),
        undefined,
      );
      return;
    }
    const message = watch.add(activityId);
    if (message === null) {
      this.error(ws, session, notFound('activity'), undefined);
      return;
    }
    session.watches.add(activityId);
    ws.subscribe(watch.topic(activityId, session.protocol));
    this.send(ws, session, message);
  }

  private refuse(ws: Socket, session: Session, id: RequestId, { code, detail, extra }: Problem): void {
    this.send(ws, session, { ...extra, op: 'result', id, code, detail });
  }

  private error(ws: Socket, session: Session, { code, detail }: Problem, id: RequestId | undefined): void {
    this.send(ws, session, { op: 'error', ...(id === undefined ? {} : { id }), code, detail });
  }

  private send(ws: Socket, session: Session, message: unknown): void {
    // After the close any use of the socket throws; answers of claims may still come.
    if (!session.closed)
      ws.send(encode(session.protocol, message), session.protocol === 'doorbuster.msgpack');
  }
}
