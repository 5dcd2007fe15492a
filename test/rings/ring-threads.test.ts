/** Two threads over two rings, woken by doorbells only: one that is lost stops the exchange. Runs the compiled ring. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { RingConsumer, RingProducer, ringBuffer } from '../../src/rings/ring.ts';

const RECORDS = 256;
const TOTAL = 200_000;

test('200,000 records go there and back in order, and no doorbell is lost', async () => {
  const [requestBuffer, replyBuffer] = [ringBuffer(RECORDS, 8), ringBuffer(RECORDS, 4)];
  const requests = new RingProducer(requestBuffer, 8);
  const replies = new RingConsumer(replyBuffer, 4);
  const peer = new Worker(new URL('./ring-peer.mjs', import.meta.url), {
    workerData: { requests: requestBuffer, replies: replyBuffer },
  });
  await once(peer, 'message');
  let sent = 0;
  let got = 0;
  let doorbells = 0;
  let turn = 1;

  function send(): void {
    // Bursts of every size, the smallest often: those are what finds the other side falling asleep.
    turn = (Math.imul(turn, 1_664_525) + 1_013_904_223) >>> 0;
    const burst = turn % 3 === 0 ? 1 : 1 + (turn % RECORDS);
    for (let i = 0; i < burst && sent < TOTAL && sent - got < RECORDS; i++) {
      const at = requests.reserve();
      if (at < 0) throw new Error('full, with room for every reply');
      for (let word = 0; word < 8; word++) requests.words[at + word] = sent + word * 7;
      sent++;
    }
    if (requests.publish()) {
      doorbells++;
      peer.postMessage(0);
    }
  }

  function takeReplies(): void {
    for (let n = replies.available(); n > 0; n = replies.available()) {
      for (let i = 0; i < n; i++) {
        const at = replies.at(i);
        if (replies.words[at] !== got)
          throw new Error(`reply ${replies.words[at]} came where ${got} belongs`);
        if (replies.words[at + 1] !== got * 8 + 28 * 7) throw new Error(`record ${got} was torn`);
        if (replies.words[at + 2] !== 0) throw new Error(`the other side saw an error at record ${got}`);
        got++;
      }
      replies.release(n);
    }
  }

  const finished = new Promise<void>((resolve, reject) => {
    peer.on('error', reject);
    peer.on('message', () => {
      try {
        replies.wake();
        do {
          takeReplies();
          send();
          if (got === TOTAL) return resolve();
        } while (!replies.sleep());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
  replies.sleep();
  send();
  const deadline = new Promise<string>((resolve) => {
    setTimeout(() => resolve(`stuck: ${sent} sent, ${got} came back`), 20_000).unref();
  });
  expect(await Promise.race([finished, deadline])).toBeUndefined();
  await peer.terminate();
  expect([sent, got]).toEqual([TOTAL, TOTAL]);
  expect(doorbells).toBeGreaterThan(10);
});
