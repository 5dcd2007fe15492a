/**
 * The WebSocket /v1/live: authenticates, parses, and hands claims to LiveClaims and watches to StockWatch. Whatever is
 * malformed is answered with an error; the third time the connection closes with 1007.
 */
import type { AddressLimit } from '../auth/address-limit.ts';
import { type Credential, NO_CREDENTIALS, SERVICE_NEEDED, USER_NEEDED } from '../auth/caller.ts';
import type { Authenticator } from '../auth/credentials.ts';
import type { RateLimiter } from '../auth/rate-limit.ts';
import { notFound, STOPPING } from '../claims/refusal.ts';
import type { PoolView } from '../claims/template-view.ts';
import { parseUserId } from '../domain/user-id.ts';
import { writeProblem } from '../http/claim-answers.ts';
import { refuseAndHangUp } from '../http/exchange.ts';
import { RequestHeaders } from '../http/request-headers.ts';
import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_socket_context_t,
  WebSocket,
} from '../http/uws-types.ts';
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
  /** Null until a token came. Each frame asks whether it still holds: tokens end while connections live. */
  credential: Credential | null;
  /** Where the client is, as far as claims are limited by that. */
  readonly address: Uint8Array | null;
  strikes: number;
  closed: boolean;
  readonly watches: Set<number>;
}

type Socket = WebSocket<Session>;

export interface LiveSocketOptions {
  readonly authenticator: Pick<Authenticator, 'credential' | 'fromToken'>;
  readonly claims: LiveClaims;
  readonly watch: StockWatch;
  readonly userLimiter: RateLimiter;
  readonly addressLimit: AddressLimit | null;
  readonly pool: (target: Target) => PoolView | undefined;
  readonly corsOrigins: readonly string[];
  readonly now: () => number;
}

export class LiveSocket {
  draining = false;
  private readonly options: LiveSocketOptions;
  private readonly sockets = new Set<Socket>();
  private readonly words = new Uint32Array(2);
  private readonly headers = new RequestHeaders();

  constructor(options: LiveSocketOptions) {
    this.options = options;
  }

  get connections(): number {
    return this.sockets.size;
  }

  mount(app: TemplatedApp): void {
    app.ws<Session>('/v1/live', {
      maxPayloadLength: WS_MESSAGE_BYTES_MAX,
      idleTimeout: IDLE_TIMEOUT_S,
      maxBackpressure: BACKPRESSURE_BYTES_MAX,
      closeOnBackpressureLimit: true,
      sendPingsAutomatically: true,
      upgrade: (res, req, context) => this.upgrade(res, req, context),
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

  private upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    const { headers } = this;
    const { authenticator, addressLimit, corsOrigins } = this.options;
    const refuse = (refused: Problem): void => writeProblem(res, refused, []);
    headers.read(req);
    const framing = headers.framingProblem();
    if (framing !== null) return refuseAndHangUp(res, framing);
    const repeated = headers.repeatedProblem();
    if (repeated !== null) return refuse(repeated);
    if (this.draining) return refuse(STOPPING);
    if (headers.origin !== '' && !corsOrigins.includes(headers.origin))
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
    const proven = authenticator.credential(headers.reader);
    // Without any credentials the first message must bring a token; wrong ones are refused here.
    if (!proven.ok && headers.identified) return refuse(proven.problem);
    const session: Session = {
      protocol,
      credential: proven.ok ? proven.value : null,
      address: addressLimit?.addressOf(headers.reader, () => res.getRemoteAddress()) ?? null,
      strikes: 0,
      closed: false,
      watches: new Set(),
    };
    const key = req.getHeader('sec-websocket-key');
    res.upgrade(session, key, protocol, req.getHeader('sec-websocket-extensions'), context);
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
    if (parsed.op === 'malformed') {
      this.error(ws, session, problem('invalid_request', parsed.detail), parsed.id);
      if (++session.strikes >= STRIKES_MAX) ws.end(CLOSE_MALFORMED, 'malformed messages');
      return;
    }
    if (parsed.op === 'auth') return this.authenticate(ws, session, parsed.token);
    const nowMs = this.options.now();
    const ended = session.credential?.ended(nowMs) ?? null;
    if (ended !== null) {
      // Also where none is needed, as over HTTP: a stale token must not silently see less.
      if (parsed.op === 'claim' || parsed.op === 'claims') this.refuse(ws, session, parsed.id, ended);
      else this.error(ws, session, ended, undefined);
      return;
    }
    switch (parsed.op) {
      case 'claim':
        this.claim(ws, session, parsed, nowMs);
        break;
      case 'claims':
        this.claimBatch(ws, session, parsed, nowMs);
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

  /** The first credential or the next one; a wrong token leaves what there was. */
  private authenticate(ws: Socket, session: Session, token: string): void {
    const proven = this.options.authenticator.fromToken(token);
    if (!proven.ok) return this.error(ws, session, proven.problem, undefined);
    session.credential = proven.value;
    this.send(ws, session, { op: 'authenticated' });
  }

  private claim(
    ws: Socket,
    session: Session,
    { id, target, key }: ClientMessage & { op: 'claim' },
    nowMs: number,
  ): void {
    if (session.credential === null) return this.refuse(ws, session, id, NO_CREDENTIALS);
    const { userId } = session.credential.caller;
    if (userId === null || !parseUserId(userId, this.words)) return this.refuse(ws, session, id, USER_NEEDED);
    const [lo, hi] = this.words;
    const waitMs = this.waitMs(session, lo, hi, nowMs);
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

  /** As over HTTP: the address first, then the user; 0 admits. */
  private waitMs({ address }: Session, lo: number, hi: number, nowMs: number): number {
    const { addressLimit, userLimiter } = this.options;
    const waitMs = addressLimit === null || address === null ? 0 : addressLimit.admit(address, nowMs);
    return waitMs > 0 ? waitMs : userLimiter.admit(lo, hi, nowMs);
  }

  private claimBatch(
    ws: Socket,
    session: Session,
    { id, target, userIds, keys }: ClientMessage & { op: 'claims' },
    nowMs: number,
  ): void {
    if (session.credential === null) return this.refuse(ws, session, id, NO_CREDENTIALS);
    if (!session.credential.caller.service) return this.refuse(ws, session, id, SERVICE_NEEDED);
    const pool = this.pool(target);
    if ('code' in pool) return this.refuse(ws, session, id, pool);
    this.options.claims.claims(id, pool, userIds, keys, nowMs, (message) => this.send(ws, session, message));
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
