/** One `claims` frame of doorbuster.msgpack, encoded once; per frame only its id and the users' digits change. */
import { Packr } from 'msgpackr';
import { USER_ID_DIGITS, USER_ID_MIN, writeUserId } from './claim-request.ts';
import { frameHeader } from './live-socket.ts';

/** Plain MessagePack maps, as any language's client writes them. */
const packr = new Packr({ useRecords: false });
/** A 32-bit id from the start, so that patching it never changes the length. */
const ID_MIN = 0x1000_0000;

export interface ClaimResults {
  readonly op: string;
  readonly id?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly status?: readonly string[];
  readonly couponIds?: readonly (string | null)[];
}

export class ClaimsFrame {
  readonly bytes: Buffer;
  readonly #idAt: number;
  readonly #usersAt: number[] = [];

  constructor(templateId: string, users: number) {
    const userIds = Array.from({ length: users }, (_, i) => String(USER_ID_MIN + i));
    const payload = Buffer.from(packr.pack({ op: 'claims', id: ID_MIN, templateId, userIds }));
    const header = frameHeader(2, payload.length);
    this.bytes = Buffer.concat([header, payload]);
    const idBytes = Buffer.from([0xce, 0x10, 0, 0, 0]);
    this.#idAt = this.bytes.indexOf(idBytes) + 1;
    for (const userId of userIds) this.#usersAt.push(this.bytes.indexOf(userId, header.length, 'latin1'));
    if (
      this.#idAt === 0 ||
      this.#usersAt.includes(-1) ||
      this.#usersAt[0]! + USER_ID_DIGITS > this.bytes.length
    ) {
      throw new Error('the frame does not hold what is to be patched');
    }
  }

  setId(id: number): void {
    this.bytes.writeUInt32BE(ID_MIN + id, this.#idAt);
  }

  setUser(place: number, userId: number): void {
    writeUserId(this.bytes, this.#usersAt[place]!, userId);
  }
}

export function readResults(payload: Uint8Array): { frame: number; results: ClaimResults } {
  const results = packr.unpack(payload) as ClaimResults;
  return { frame: (results.id ?? ID_MIN - 1) - ID_MIN, results };
}
