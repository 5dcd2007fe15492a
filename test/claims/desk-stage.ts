/** A desk with real rings and ports; the other end of each is an owner loop that answers as the test tells it. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ClaimDesk, type ClaimWaiter, SENT } from '../../src/claims/claim-desk.ts';
import type { PoolView } from '../../src/claims/template-view.ts';
import type { SpentCoupons } from '../../src/claims/usable-limits.ts';
import { REPLY_WORDS, REQUEST_WORDS } from '../../src/rings/layout.ts';
import type { OwnerLink } from '../../src/rings/owner-link.ts';
import { RingConsumer, RingProducer, ringBuffer } from '../../src/rings/ring.ts';

export interface Request {
  readonly slotWord: number;
  readonly words: readonly number[];
}

export class OwnerEnd {
  readonly life: OwnerLink;
  readonly requests: Request[] = [];
  doorbells = 0;
  private readonly consumer: RingConsumer;
  private readonly producer: RingProducer;
  private readonly port: MessagePort;

  constructor(desk: ClaimDesk, index: number, records: number) {
    const [requests, replies] = [ringBuffer(records, REQUEST_WORDS), ringBuffer(records, REPLY_WORDS)];
    const { port1, port2 } = new MessageChannel();
    this.port = port2;
    this.consumer = new RingConsumer(requests, REQUEST_WORDS);
    this.producer = new RingProducer(replies, REPLY_WORDS);
    this.life = {
      index,
      ring: () => port1.postMessage(0),
      requests: new RingProducer(requests, REQUEST_WORDS),
      replies: new RingConsumer(replies, REPLY_WORDS),
    };
    port1.on('message', () => desk.doorbell(this.life));
    port2.on('message', () => {
      this.doorbells++;
      this.consumer.wake();
      do this.drain();
      while (!this.consumer.sleep());
    });
    this.consumer.sleep();
  }

  private drain(): void {
    const n = this.consumer.available();
    for (let i = 0; i < n; i++) {
      const at = this.consumer.at(i);
      const words = [...this.consumer.words.subarray(at, at + REQUEST_WORDS)];
      this.requests.push({ slotWord: words[0], words });
    }
    this.consumer.release(n);
  }

  /** Puts a reply into the ring without ringing. */
  put(slotWord: number, verdict: number, serial: number): void {
    const at = this.producer.reserve();
    this.producer.words[at] = slotWord;
    this.producer.words[at + 1] = verdict;
    this.producer.words[at + 2] = serial;
  }

  publish(): void {
    if (this.producer.publish()) this.port.postMessage(0);
  }

  reply(slotWord: number, verdict: number, serial = 0): void {
    this.put(slotWord, verdict, serial);
    this.publish();
  }

  close(): void {
    this.port.close();
  }
}

export interface Answer {
  readonly slot: number;
  readonly pool: PoolView;
  readonly verdict: number;
  readonly serial: number;
}

export class DeskStage implements ClaimWaiter {
  readonly desk: ClaimDesk;
  readonly answers: Answer[] = [];
  readonly owners: OwnerEnd[] = [];
  /** Called for each answer, as a face would go on from there. */
  onAnswer: () => void = () => {};

  constructor(owners = 1, spent: SpentCoupons | null = null) {
    this.desk = new ClaimDesk(owners, spent);
  }

  up(index = 0, records = 64): OwnerEnd {
    const end = new OwnerEnd(this.desk, index, records);
    this.owners.push(end);
    this.desk.ownerUp(end.life);
    return end;
  }

  claimAnswered(slot: number, pool: PoolView, verdict: number, serial: number): void {
    this.answers.push({ slot, pool, verdict, serial });
    this.onAnswer();
  }

  claim(pool: PoolView, lo: number, nowMs = 1000, keyLo = 0): number {
    return this.desk.claim(pool, lo, 0, keyLo, 0, nowMs, this);
  }

  /** Claims, expects it to be sent, and returns its slot. */
  send(pool: PoolView, lo: number, keyLo = 0): number {
    const verdict = this.claim(pool, lo, 1000, keyLo);
    if (verdict !== SENT) throw new Error(`answered ${verdict} instead of sent`);
    return this.desk.slot;
  }

  close(): void {
    for (const owner of this.owners) owner.close();
  }
}

/** Waits until `condition` holds, turn by turn of the event loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error(`never: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
