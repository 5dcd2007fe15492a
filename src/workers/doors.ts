/**
 * Where claims come to one life of an owner and answers leave it: a pair of rings for each ingress.
 *
 * A slot word says which request of an ingress an answer is for; the number of the door above its 32 bits says which
 * ingress. A door that is opened anew for an ingress gets a new number: what the last life of that ingress had asked for is
 * answered to nobody.
 */
import { REPLY_WORDS, REQUEST_WORDS } from '../rings/layout.ts';
import { RingConsumer, RingProducer } from '../rings/ring.ts';

const TWO_32 = 0x1_0000_0000;

export interface DoorOptions {
  readonly ingress: number;
  readonly requests: SharedArrayBuffer;
  readonly replies: SharedArrayBuffer;
  /** Wakes the ingress: replies wait, and it said that it sleeps. */
  readonly ring: () => void;
  readonly close: () => void;
}

export class Door {
  readonly ingress: number;
  readonly requests: RingConsumer;
  readonly replies: RingProducer;
  readonly ring: () => void;
  readonly close: () => void;
  private readonly above: number;

  constructor(number: number, { ingress, requests, replies, ring, close }: DoorOptions) {
    this.ingress = ingress;
    this.requests = new RingConsumer(requests, REQUEST_WORDS);
    this.replies = new RingProducer(replies, REPLY_WORDS);
    this.ring = ring;
    this.close = close;
    this.above = number * TWO_32;
  }

  /** As the owner sees it. */
  slotWord(word: number): number {
    return this.above + (word >>> 0);
  }
}

export class Doors {
  /** By number; null where one was closed. */
  private readonly byNumber: (Door | null)[] = [];
  private opened: readonly Door[] = [];

  open(options: DoorOptions): void {
    const before = this.byNumber.findIndex((door) => door?.ingress === options.ingress);
    if (before >= 0) {
      this.byNumber[before]!.close();
      this.byNumber[before] = null;
    }
    this.byNumber.push(new Door(this.byNumber.length, options));
    this.opened = this.byNumber.filter((door) => door !== null);
  }

  all(): readonly Door[] {
    return this.opened;
  }

  reply(slotWord: number, verdict: number, serial: number): void {
    const door = this.byNumber[Math.floor(slotWord / TWO_32)];
    if (door === null) return;
    const { replies } = door;
    const at = replies.reserve();
    if (at < 0) throw new Error('reply ring full: more requests were admitted than there are places');
    replies.words[at] = slotWord;
    replies.words[at + 1] = verdict;
    replies.words[at + 2] = serial;
  }

  publish(): void {
    for (const door of this.opened) if (door.replies.publish()) door.ring();
  }

  /** Requests that wait. */
  available(): number {
    return this.opened.reduce((sum, { requests }) => sum + requests.available(), 0);
  }

  wake(): void {
    for (const { requests } of this.opened) requests.wake();
  }

  /** False when requests have come meanwhile: then there is no sleep. */
  sleep(): boolean {
    let sleeps = true;
    for (const { requests } of this.opened) if (!requests.sleep()) sleeps = false;
    return sleeps;
  }

  close(): void {
    for (const door of this.opened) door.close();
  }
}
