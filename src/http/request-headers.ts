/**
 * The headers of one request that decide something, read in one pass. The library looks up only the first header of a
 * name, so whatever may stand there twice has to be counted here: a header that says who is calling, from which page, or
 * whether this is a repeat is refused when it is sent twice, since gateway and server could each believe another one.
 *
 * One instance serves every request of a face, one after the other: nothing is allocated but the texts themselves. What
 * is read holds until the next `read`.
 */
import type { HeaderReader } from '../auth/caller.ts';
import { type Problem, problem } from '../problems.ts';
import type { HttpRequest } from './uws-types.ts';
import { invalidFields } from './validation.ts';

const USER_ID = 1;
const GATEWAY_KEY = 2;
const AUTHORIZATION = 4;
const IDEMPOTENCY_KEY = 8;
const ORIGIN = 16;
const CONTENT_LENGTH = 32;
const TRANSFER_ENCODING = 64;
/** Framing has rules of its own: framingProblem. */
const ONCE = USER_ID | GATEWAY_KEY | AUTHORIZATION | IDEMPOTENCY_KEY | ORIGIN;

const TWICE = {
  [USER_ID]: twice('X-User-Id'),
  [GATEWAY_KEY]: twice('X-Gateway-Key'),
  [AUTHORIZATION]: twice('Authorization'),
  [IDEMPOTENCY_KEY]: twice('Idempotency-Key'),
  [ORIGIN]: twice('Origin'),
};

function twice(field: string): Problem {
  return invalidFields([{ field, problem: 'is there more than once', allowed: 'one header of that name' }])
    .problem;
}

export class RequestHeaders {
  userId = '';
  gatewayKey = '';
  authorization = '';
  idempotencyKey = '';
  origin = '';
  contentLength = '';
  transferEncoding = '';
  /** The last of them: each proxy adds its own behind the others. */
  forwardedFor = '';
  #seen = 0;
  #again = 0;
  #lengthsDiffer = false;

  readonly #each = (name: string, value: string): void => {
    // By length first: most headers are none of these, and their text is never compared.
    switch (name.length) {
      case 6:
        if (name === 'origin') {
          this.#count(ORIGIN);
          this.origin = value;
        }
        break;
      case 9:
        if (name === 'x-user-id') {
          this.#count(USER_ID);
          this.userId = value;
        }
        break;
      case 13:
        if (name === 'x-gateway-key') {
          this.#count(GATEWAY_KEY);
          this.gatewayKey = value;
        } else if (name === 'authorization') {
          this.#count(AUTHORIZATION);
          this.authorization = value;
        }
        break;
      case 14:
        if (name === 'content-length') {
          if ((this.#seen & CONTENT_LENGTH) !== 0 && value !== this.contentLength) this.#lengthsDiffer = true;
          this.#count(CONTENT_LENGTH);
          this.contentLength = value;
        }
        break;
      case 15:
        if (name === 'idempotency-key') {
          this.#count(IDEMPOTENCY_KEY);
          this.idempotencyKey = value;
        } else if (name === 'x-forwarded-for') this.forwardedFor = value;
        break;
      case 17:
        if (name === 'transfer-encoding') {
          this.#count(TRANSFER_ENCODING);
          this.transferEncoding = value;
        }
        break;
    }
  };

  /** By name, for those who authenticate: '' for what is absent and for what is not read here. */
  readonly reader: HeaderReader = (name) => {
    switch (name) {
      case 'x-user-id':
        return this.userId;
      case 'x-gateway-key':
        return this.gatewayKey;
      case 'authorization':
        return this.authorization;
      case 'idempotency-key':
        return this.idempotencyKey;
      case 'x-forwarded-for':
        return this.forwardedFor;
      default:
        return '';
    }
  };

  /** Inside the request handler, first thing. */
  read(req: Pick<HttpRequest, 'forEach'>): void {
    this.userId = '';
    this.gatewayKey = '';
    this.authorization = '';
    this.idempotencyKey = '';
    this.origin = '';
    this.contentLength = '';
    this.transferEncoding = '';
    this.forwardedFor = '';
    this.#seen = 0;
    this.#again = 0;
    this.#lengthsDiffer = false;
    req.forEach(this.#each);
  }

  #count(header: number): void {
    this.#again |= this.#seen & header;
    this.#seen |= header;
  }

  /** A body was announced, or something that looks like it. */
  get framed(): boolean {
    return (this.#seen & (CONTENT_LENGTH | TRANSFER_ENCODING)) !== 0;
  }

  /** Credentials of whatever kind were sent. */
  get identified(): boolean {
    return this.userId !== '' || this.gatewayKey !== '' || this.authorization !== '';
  }

  /**
   * Requests whose end two readers could see in different places (RFC 9112 §6.3): a proxy in front and this server
   * would then disagree about where the next request starts, and one client could put words into another's mouth.
   * uWebSockets.js refuses some of these itself, but lets differing Content-Length headers, codings other than
   * `chunked` and an empty header in front of a second one through. The connection has to go with the answer
   * (exchange.ts: refuseAndHangUp), since what follows on it can't be trusted.
   */
  framingProblem(): Problem | null {
    if (!this.framed) return null;
    const { contentLength, transferEncoding } = this;
    const hasLength = (this.#seen & CONTENT_LENGTH) !== 0;
    const hasCoding = (this.#seen & TRANSFER_ENCODING) !== 0;
    if (hasLength && !hasCoding && !this.#lengthsDiffer && contentLength === '0') return null;
    if (hasLength && hasCoding) return ambiguous('Content-Length and Transfer-Encoding exclude each other');
    if (this.#lengthsDiffer) return ambiguous('two Content-Length headers differ');
    if (hasLength && !/^\d{1,15}$/.test(contentLength))
      return ambiguous('Content-Length is not a plain number');
    if ((this.#again & TRANSFER_ENCODING) !== 0) return ambiguous('Transfer-Encoding is there twice');
    if (hasCoding && transferEncoding.toLowerCase() !== 'chunked')
      return ambiguous('Transfer-Encoding is not exactly chunked');
    return null;
  }

  /** A header that must be there once is there twice. */
  repeatedProblem(): Problem | null {
    const again = this.#again & ONCE;
    return again === 0 ? null : TWICE[(again & -again) as keyof typeof TWICE];
  }
}

function ambiguous(found: string): Problem {
  return problem('invalid_request', `The request's end is ambiguous: ${found}.`);
}
