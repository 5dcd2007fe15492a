/** The lines of a CSV body, one at a time: a body of many megabytes is never decoded or split as a whole. */
import { splitLine } from '../domain/csv-line.ts';

/** `line` from 1. `problem` follows "it". */
export type BodyLine =
  | { readonly kind: 'cells'; readonly line: number; readonly cells: readonly string[] }
  | { readonly kind: 'empty'; readonly line: number }
  | { readonly kind: 'unreadable'; readonly line: number; readonly problem: string };

const LF = 0x0a;
/** Strict: bytes that are not UTF-8 would be replaced otherwise, and two ids could become one. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Whether there are more lines than that; it looks no further. */
export function hasMoreLines(body: Uint8Array, linesMax: number): boolean {
  let from = 0;
  for (let lines = 0; lines < linesMax; lines++) {
    const lf = body.indexOf(LF, from);
    if (lf < 0) return false;
    from = lf + 1;
  }
  return from < body.length;
}

/** Lines end with LF or CRLF. */
export function* bodyLines(body: Uint8Array, lineBytesMax: number): Generator<BodyLine> {
  let line = 0;
  for (let from = 0; from < body.length; ) {
    const lf = body.indexOf(LF, from);
    const to = lf < 0 ? body.length : lf;
    line++;
    if (to - from > lineBytesMax)
      yield { kind: 'unreadable', line, problem: `is longer than ${lineBytesMax} bytes` };
    else yield read(line, body.subarray(from, to));
    from = to + 1;
  }
}

function read(line: number, bytes: Uint8Array): BodyLine {
  let text: string;
  try {
    // A byte order mark is left out.
    text = UTF8.decode(bytes);
  } catch {
    return { kind: 'unreadable', line, problem: 'is not UTF-8' };
  }
  if (text.trim() === '') return { kind: 'empty', line };
  const cells = splitLine(text.endsWith('\r') ? text.slice(0, -1) : text);
  return cells === null
    ? { kind: 'unreadable', line, problem: 'has quotes that do not match' }
    : { kind: 'cells', line, cells };
}
