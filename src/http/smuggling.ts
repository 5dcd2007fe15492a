/**
 * Requests whose end two readers could see in different places (RFC 9112 §6.3): a proxy in front and this server
 * would then disagree about where the next request starts, and one client could put words into another's mouth.
 * uWebSockets.js refuses some of these itself, but lets differing Content-Length headers, codings other than
 * `chunked` and an empty header in front of a second one through. All of it is answered 400 and the connection
 * closed at once (exchange.ts: refuseAndHangUp), since what follows on it can't be trusted.
 */
import { type Problem, problem } from '../problems.ts';
import type { HttpRequest } from './uws-types.ts';

type HeaderSource = Pick<HttpRequest, 'getHeader' | 'forEach'>;

/**
 * For the hot claim route: two lookups when neither header is there, the full scan only otherwise. What it can't
 * see is an empty first header followed by a full one; proxies refuse that, and the router scans for it always.
 */
export function smugglingProblem(req: HeaderSource): Problem | null {
  if (req.getHeader('transfer-encoding') === '' && req.getHeader('content-length') === '') return null;
  return framingProblem((each) => req.forEach(each));
}

/** The full check, over every header. */
export function framingProblem(
  forEach: (each: (name: string, value: string) => void) => void,
): Problem | null {
  let length: string | null = null;
  let coding: string | null = null;
  let found: string | null = null;
  forEach((name, value) => {
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) found = 'Content-Length is not a plain number';
      else if (length !== null && length !== value) found = 'two Content-Length headers differ';
      length = value;
    } else if (name === 'transfer-encoding') {
      if (value.toLowerCase() !== 'chunked') found = 'Transfer-Encoding is not exactly chunked';
      else if (coding !== null) found = 'Transfer-Encoding is there twice';
      coding = value;
    }
  });
  if (length !== null && coding !== null) found = 'Content-Length and Transfer-Encoding exclude each other';
  return found === null ? null : problem('invalid_request', `The request's end is ambiguous: ${found}.`);
}
