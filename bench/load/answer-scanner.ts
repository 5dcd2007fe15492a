/**
 * Finds the end of one HTTP/1.1 answer: status and Content-Length, nothing else. One answer is expected at a time
 * (no pipelining), so bytes after its end mean the stream is broken. Nearly every answer arrives in one piece and is
 * scanned where it lies; only a torn one is copied.
 */
const CR = 13;
const LF = 10;
const SPACE = 32;
const HEADERS_BYTES_MAX = 16 * 1024;
const CONTENT_LENGTH = 'content-length:';

export class AnswerScanner {
  status = 0;
  /** The body of the last complete answer: valid until the next `feed`. */
  bytes: Buffer = Buffer.alloc(0);
  bodyFrom = 0;
  bodyTo = 0;
  #torn: Buffer | null = null;

  /** True when `length` bytes of `chunk` (with what came before) are one complete answer. */
  feed(chunk: Buffer, length: number): boolean {
    let bytes = chunk;
    let end = length;
    if (this.#torn !== null) {
      bytes = Buffer.concat([this.#torn, chunk.subarray(0, length)]);
      end = bytes.length;
      this.#torn = null;
    }
    const total = this.#answerLength(bytes, end);
    if (total === -1 || total > end) {
      this.#torn = Buffer.from(bytes.subarray(0, end));
      return false;
    }
    if (total < end) throw new Error(`${end - total} bytes after the end of an answer`);
    this.bytes = bytes;
    this.bodyTo = total;
    return true;
  }

  /** Length of the whole answer, or -1 while its headers are incomplete. Sets status and bodyFrom. */
  #answerLength(bytes: Buffer, end: number): number {
    if (end < 13) return -1;
    this.status = (bytes[9]! - 48) * 100 + (bytes[10]! - 48) * 10 + bytes[11]! - 48;
    let contentLength = 0;
    let line = 12;
    for (;;) {
      while (line < end && bytes[line] !== LF) line++;
      line++;
      if (line + 1 >= end) {
        if (end > HEADERS_BYTES_MAX) throw new Error('answer headers too long');
        return -1;
      }
      if (bytes[line] === CR && bytes[line + 1] === LF) break;
      const first = bytes[line]! | 32;
      if (first === 99 && isContentLength(bytes, line, end)) {
        contentLength = decimalAt(bytes, line + CONTENT_LENGTH.length, end);
      } else if (
        first === 116 &&
        bytes.toString('latin1', line, line + 18).toLowerCase() === 'transfer-encoding:'
      ) {
        throw new Error('chunked answers are not read by this client');
      }
    }
    this.bodyFrom = line + 2;
    return this.bodyFrom + contentLength;
  }

  /** The string member `name` of the JSON body, found without parsing; null when it is not there. */
  stringMember(name: string): string | null {
    const key = `"${name}":"`;
    const at = this.bytes.indexOf(key, this.bodyFrom, 'latin1');
    if (at === -1 || at >= this.bodyTo) return null;
    const from = at + key.length;
    return this.bytes.toString('latin1', from, this.bytes.indexOf('"', from, 'latin1'));
  }

  /** The first number member `name` of the JSON body, a whole one; null when it is not there. */
  numberMember(name: string): number | null {
    const key = `"${name}":`;
    const at = this.bytes.indexOf(key, this.bodyFrom, 'latin1');
    if (at === -1 || at >= this.bodyTo) return null;
    return decimalAt(this.bytes, at + key.length, this.bodyTo);
  }
}

function isContentLength(bytes: Buffer, at: number, end: number): boolean {
  if (at + CONTENT_LENGTH.length >= end) return false;
  // `| 32` lower-cases letters and leaves '-' and ':' as they are.
  for (let i = 0; i < CONTENT_LENGTH.length; i++) {
    if ((bytes[at + i]! | 32) !== CONTENT_LENGTH.charCodeAt(i)) return false;
  }
  return true;
}

function decimalAt(bytes: Buffer, at: number, end: number): number {
  let value = 0;
  let i = at;
  while (i < end && bytes[i] === SPACE) i++;
  for (; i < end; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
