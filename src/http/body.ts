/**
 * Request bodies. The library sets no limit and keeps nothing: chunks are counted as they stream in, refused once
 * they pass the bound, and copied, because a chunk's memory is gone when its callback returns.
 */
import { parseExactJson } from '../domain/exact-json.ts';
import { ok, type Problem, problem, type Result, refused } from '../problems.ts';
import type { HttpResponse } from './uws-types.ts';

/**
 * Calls `done` exactly once: with the whole body, or with `payload_too_large` as soon as that is certain. Never after
 * an abort, which the caller watches. To be called inside the request handler.
 */
export function readBody(
  res: Pick<HttpResponse, 'onData'>,
  bytesMax: number,
  announcedBytes: number,
  done: (body: Result<Buffer>) => void,
): void {
  if (announcedBytes > bytesMax) {
    done({ ok: false, problem: tooLarge(bytesMax) });
    return;
  }
  let chunks: Buffer[] = [];
  let bytes = 0;
  let finished = false;
  res.onData((chunk, isLast) => {
    if (finished) return;
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      finished = true;
      chunks = [];
      done({ ok: false, problem: tooLarge(bytesMax) });
      return;
    }
    if (chunk.byteLength > 0) chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (!isLast) return;
    finished = true;
    done(ok(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)));
  });
}

function tooLarge(bytesMax: number): Problem {
  return problem('payload_too_large', `The body is larger than ${bytesMax} bytes.`, { bytesMax });
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Strict: bytes that are not UTF-8 are refused instead of being replaced, or two names could become one, and a number
 * that would be rounded to an integer is none (domain/exact-json.ts).
 */
export function parseJson(body: Uint8Array): Result<unknown> {
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    return refused('malformed_json', 'The body is not valid UTF-8.');
  }
  if (text.trim() === '') return refused('malformed_json', 'A JSON body is needed and the request has none.');
  try {
    return ok(parseExactJson(text));
  } catch (error) {
    return refused('malformed_json', `The body is not valid JSON: ${(error as Error).message}.`);
  }
}
