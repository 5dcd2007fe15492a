/**
 * The bytes of one claim over HTTP, formatted once. Per request only the digits of the user id change, so the
 * generator spends its core on sockets and not on building strings.
 */

/** User ids of the bench are 12 digits wide: the patch never changes the length of a request. */
export const USER_ID_DIGITS = 12;
export const USER_ID_MIN = 10 ** (USER_ID_DIGITS - 1);

/** Writes `userId` as exactly USER_ID_DIGITS digits at `offset`. */
export function writeUserId(bytes: Uint8Array, offset: number, userId: number): void {
  // Two halves below 2^31: the divisions stay in small integers.
  let high = Math.floor(userId / 1_000_000);
  let low = userId - high * 1_000_000;
  for (let at = offset + USER_ID_DIGITS - 1; at >= offset + 6; at--) {
    const rest = (low / 10) | 0;
    bytes[at] = 48 + low - rest * 10;
    low = rest;
  }
  for (let at = offset + 5; at >= offset; at--) {
    const rest = (high / 10) | 0;
    bytes[at] = 48 + high - rest * 10;
    high = rest;
  }
}

export class ClaimRequest {
  readonly bytes: Buffer;
  readonly #userIdAt: number;

  constructor(path: string) {
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-user-id: `;
    this.bytes = Buffer.from(`${head}${'0'.repeat(USER_ID_DIGITS)}\r\ncontent-length: 0\r\n\r\n`, 'latin1');
    this.#userIdAt = head.length;
  }

  setUser(userId: number): void {
    writeUserId(this.bytes, this.#userIdAt, userId);
  }
}
