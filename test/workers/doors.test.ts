/** The doors of an owner: answers find the ingress that asked, and only that life of it. */
import { expect, test } from 'vitest';
import { REPLY_WORDS, REQUEST_WORDS } from '../../src/rings/layout.ts';
import { RingConsumer, RingProducer, ringBuffer } from '../../src/rings/ring.ts';
import { Doors } from '../../src/workers/doors.ts';

class Ingress {
  rings = 0;
  closed = false;
  private readonly requests = ringBuffer(8, REQUEST_WORDS);
  private readonly replies = ringBuffer(8, REPLY_WORDS);
  private readonly producer = new RingProducer(this.requests, REQUEST_WORDS);
  private readonly consumer = new RingConsumer(this.replies, REPLY_WORDS);

  constructor(doors: Doors, ingress: number) {
    this.consumer.sleep();
    const { requests, replies } = this;
    const ring = (): void => void this.rings++;
    doors.open({ ingress, requests, replies, ring, close: () => (this.closed = true) });
  }

  ask(slotWord: number): void {
    this.producer.words[this.producer.reserve()] = slotWord;
    this.producer.publish();
  }

  answers(): number[][] {
    const { consumer } = this;
    const n = consumer.available();
    const found = Array.from({ length: n }, (_, i) => [
      ...consumer.words.subarray(consumer.at(i), consumer.at(i) + 3),
    ]);
    consumer.release(n);
    return found;
  }
}

/** Takes what waits, as the owner names it. */
function taken(doors: Doors): number[] {
  return doors.all().flatMap((door) => {
    const { requests } = door;
    const n = requests.available();
    const words = Array.from({ length: n }, (_, i) => door.slotWord(requests.words[requests.at(i)]));
    requests.release(n);
    return words;
  });
}

// A generation may have its highest bit: slot words are negative then.
const WORDS = [0, 7, -1, -2147483648, 0x7fff_ffff];

test('each answer goes to the ingress whose request it is, with the very slot word', () => {
  const doors = new Doors();
  const ingresses = Array.from({ length: 3 }, (_, number) => new Ingress(doors, number));
  for (const ingress of ingresses) for (const word of WORDS) ingress.ask(word);
  const asked = taken(doors);
  expect(new Set(asked).size).toBe(asked.length);
  for (const [i, slotWord] of [...asked.entries()].reverse()) doors.reply(slotWord, 1 + (i % 2), i);
  doors.publish();
  for (const [number, ingress] of ingresses.entries()) {
    const expected = WORDS.map((word, at) => {
      const i = number * WORDS.length + at;
      return [word, 1 + (i % 2), i];
    });
    expect(ingress.answers()).toEqual(expected.reverse());
    expect(ingress.rings).toBe(1);
  }
});

test('what an ingress asked before it came anew is answered to nobody', () => {
  const doors = new Doors();
  const [before, other] = [new Ingress(doors, 1), new Ingress(doors, 2)];
  before.ask(5);
  other.ask(5);
  const [ofBefore, ofOther] = taken(doors);
  const after = new Ingress(doors, 1);
  expect(before.closed).toBe(true);
  for (const slotWord of [ofBefore!, ofOther!]) doors.reply(slotWord, 1, 9);
  doors.publish();
  expect([before.answers(), after.answers(), other.answers()]).toEqual([[], [], [[5, 1, 9]]]);
});

test('the owner sleeps only when no door has requests', () => {
  const doors = new Doors();
  const [one, two] = [new Ingress(doors, 0), new Ingress(doors, 1)];
  expect(doors.sleep()).toBe(true);
  two.ask(3);
  expect([doors.sleep(), doors.available()]).toEqual([false, 1]);
  taken(doors);
  doors.wake();
  expect(doors.sleep()).toBe(true);
  one.ask(1);
  doors.close();
  expect([one.closed, two.closed]).toEqual([true, true]);
});
