/**
 * One request being answered: knows whether the response may still be touched, and writes it exactly once. After an
 * abort or an answer any use of the library's response throws, so everything goes through here.
 */
import { PROBLEMS, type Problem } from '../problems.ts';
import type { CorsHeaders } from './cors.ts';
import { PROBLEM_CONTENT_TYPE, problemBody, problemHeaders, statusLine } from './problem-response.ts';
import type { Answer } from './route.ts';
import type { HttpResponse } from './uws-types.ts';

export interface Outgoing {
  readonly result: Answer | Problem;
  readonly headers?: Readonly<Record<string, string>>;
  readonly hangUp?: HangUp;
}

/**
 * Whether the connection goes with the answer. `after` lets the library close it when it has read what it holds:
 * pipelined requests in the same read are still served, and then it stays open. `at once` is for when those bytes
 * can't be trusted.
 */
export type HangUp = 'no' | 'after' | 'at once';

/** The library closes inside the handler only when the answer did not fit the buffer it collects answers in. */
const CORK_BYTES = 16 * 1024;

/** An answer as plain values: all that whoever holds the socket has to know. */
export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly content: string | Uint8Array | null;
}

export class Exchange {
  readonly #res: HttpResponse;
  readonly #cors: CorsHeaders;
  readonly #ended: () => void;
  #over = false;

  /** To be made first thing in the request handler. `ended` is called once, when answered or aborted. */
  constructor(res: HttpResponse, cors: CorsHeaders, ended: () => void) {
    this.#res = res;
    this.#cors = cors;
    this.#ended = ended;
    res.onAborted(() => this.#close());
  }

  get over(): boolean {
    return this.#over;
  }

  /** Does nothing when the exchange is over. Throws, before anything is written, when the result can't be rendered. */
  send({ result, headers = {}, hangUp = 'no' }: Outgoing): void {
    if (this.#over) return;
    const rendered = render(result);
    this.write({ ...rendered, headers: { ...rendered.headers, ...headers } }, hangUp);
  }

  /** The same for what is rendered already. */
  write(rendered: Rendered, hangUp: HangUp = 'no'): void {
    if (this.#over) return;
    this.#close();
    this.#write(rendered, hangUp);
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended();
  }

  /** Always corked: most answers are written after the handler has returned. */
  #write({ status, headers, contentType, content }: Rendered, hangUp: HangUp): void {
    const res = this.#res;
    const cors = this.#cors;
    res.cork(() => {
      res.writeStatus(statusLine(status));
      for (const name in cors) res.writeHeader(name, cors[name]!);
      for (const name in headers) res.writeHeader(name, headers[name]!);
      if (content === null) {
        // Without arguments: given undefined, the library announces 2^63 bytes.
        if (status === 204) res.endWithoutBody();
        else res.end('', hangUp !== 'no');
        return;
      }
      res.writeHeader('Content-Type', contentType);
      res.end(hangUp === 'at once' ? padded(content) : content, hangUp !== 'no');
    });
  }
}

/** Throws when the result can't be rendered. */
export function render(result: Answer | Problem): Rendered {
  if ('code' in result) {
    return {
      status: PROBLEMS[result.code].status,
      headers: problemHeaders(result),
      contentType: PROBLEM_CONTENT_TYPE,
      content: problemBody(result),
    };
  }
  const { status, headers = {} } = result;
  if ('content' in result)
    return { status, headers, contentType: result.contentType, content: result.content };
  const content = result.json === undefined ? null : JSON.stringify(result.json);
  return { status, headers, contentType: 'application/json', content };
}

/** Blanks after JSON are part of no value. */
function padded(content: string | Uint8Array): string {
  return Buffer.from(content).toString().padEnd(CORK_BYTES, ' ');
}

/**
 * Refuses a request whose framing can't be trusted, from a handler that has no Exchange (the claim route): nothing
 * that follows on the connection is looked at. Synchronously, first thing in the handler.
 */
export function refuseAndHangUp(res: HttpResponse, refusal: Problem): void {
  new Exchange(res, {}, () => {}).send({ result: refusal, hangUp: 'at once' });
}
