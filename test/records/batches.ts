/** Batches as a flusher sends them. */
import { ENTRY_BYTES, ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_BYTES } from '../../src/claimlog/frame.ts';
import { parseUserId } from '../../src/domain/user-id.ts';
import type { ClaimBatch } from '../../src/ports.ts';

export interface Claim {
  readonly templateId: number;
  readonly serial: number;
  readonly user: string;
  readonly activityId?: number;
  readonly code?: number;
  readonly atMs: number;
}

export function entriesOf(claims: readonly Claim[]): Uint8Array {
  const words = new Uint32Array(claims.length * ENTRY_WORDS);
  const user = new Uint32Array(2);
  claims.forEach(({ templateId, serial, user: text, activityId = 0, code = serial, atMs }, i) => {
    if (!parseUserId(text, user)) throw new Error(`${text} is no user id`);
    const [timeLo, timeHi] = [atMs >>> 0, Math.floor(atMs / 2 ** 32)];
    const [codeLo, codeHi] = [code >>> 0, Math.floor(code / 2 ** 32)];
    writeEntry(
      words,
      i * ENTRY_WORDS,
      templateId,
      serial,
      user[0],
      user[1],
      activityId,
      codeLo,
      codeHi,
      timeLo,
      timeHi,
      1,
      2,
    );
  });
  return new Uint8Array(words.buffer);
}

export function batchOf(logId: number, fromOffset: number, claims: readonly Claim[]): ClaimBatch {
  const toOffset = fromOffset + HEADER_BYTES + claims.length * ENTRY_BYTES;
  return { logId, fromOffset, toOffset, entries: entriesOf(claims) };
}
