/** Codes of units that were told of in time are not wrong, whichever way the news and the claims come. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CodeCheck } from '../../src/claimlog/code-check.ts';
import { CodeBook } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import { firstWrongCode } from '../../src/workers/flush-check.ts';
import { entriesOf } from '../records/batches.ts';

const SPACE = '0703101112';
const FIRST: CodeExtent = { templateId: 1, firstSerial: 0, length: 50, space: SPACE, offset: 100 };
const RAISED: CodeExtent = { templateId: 1, firstSerial: 50, length: 50, space: SPACE, offset: 400 };

const book = new CodeBook(new Uint8Array(16).fill(9));
let check: CodeCheck;
let engine: MessagePort;
let inbox: MessagePort;
let told: CodeExtent[];

function take(extent: CodeExtent): void {
  told.push(extent);
  check.add(extent);
}

beforeEach(() => {
  check = new CodeCheck(book, [FIRST]);
  told = [];
  ({ port1: engine, port2: inbox } = new MessageChannel());
  inbox.on('message', take);
});

afterEach(() => engine.close());

/** A claim of a unit added by the raise. */
function claimed(change = 0): Uint8Array {
  const [lo, hi] = [new Uint32Array(1), new Uint16Array(1)];
  book.fill(RAISED, 60, 1, lo, hi, 0);
  return entriesOf([
    { templateId: 1, serial: 60, user: '7', atMs: 1, code: hi[0] * 2 ** 32 + lo[0] + change },
  ]);
}

test('a claim of a unit whose news is still in the mailbox is right, and the news is taken once', async () => {
  engine.postMessage(RAISED);
  // The event loop has not come round: its listener has not been called.
  expect(told).toEqual([]);
  expect(check.wrongCodes(claimed())[0]).toMatchObject({ serial: 60 });
  expect(firstWrongCode(check, claimed(), inbox, take)).toBeNull();
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([RAISED]);
});

test('what is still wrong then is told, and nothing is taken where nothing is wrong', async () => {
  engine.postMessage(RAISED);
  expect(firstWrongCode(check, claimed(1), inbox, take)).toMatchObject({ templateId: 1, serial: 60 });
  expect(told).toEqual([RAISED]);
  engine.postMessage({ ...RAISED, templateId: 2 });
  expect(firstWrongCode(check, claimed(), inbox, take)).toBeNull();
  expect(told.length).toBe(1);
});

test('a unit nobody told of is wrong', () => {
  expect(firstWrongCode(check, claimed(), inbox, take)).toMatchObject({ serial: 60 });
});
