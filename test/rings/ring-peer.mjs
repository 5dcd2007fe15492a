// Answers every record of one ring on another, as an owner thread does: takes what is there, sleeps when it is empty,
// and relies on the doorbell to be woken. A reply carries the request's number and the sum of its words.
import { parentPort, workerData } from 'node:worker_threads';
import { RingConsumer, RingProducer } from '../../dist/src/rings/ring.js';

const requests = new RingConsumer(workerData.requests, 8);
const replies = new RingProducer(workerData.replies, 4);
let expected = 0;
let error = null;

function drain() {
  requests.wake();
  const n = Math.min(requests.available(), 97);
  for (let i = 0; i < n; i++) {
    const at = requests.at(i);
    const value = requests.words[at];
    if (value !== expected++) error ??= `record ${value} came where ${expected - 1} belongs`;
    let sum = 0;
    for (let word = 0; word < 8; word++) sum = (sum + requests.words[at + word]) | 0;
    const to = replies.reserve();
    if (to < 0) error ??= 'no room for a reply';
    replies.words[to] = value;
    replies.words[to + 1] = sum;
    replies.words[to + 2] = error === null ? 0 : 1;
  }
  requests.release(n);
  if (replies.publish()) parentPort.postMessage(error);
  if (!requests.sleep()) setImmediate(drain);
}

parentPort.on('message', drain);
drain();
parentPort.postMessage(null);
