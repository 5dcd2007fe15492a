// Writes numbers that belong together, as fast as it can, until it is told to stop. Uses the compiled class.
import { parentPort, workerData } from 'node:worker_threads';
import { NumbersWriter } from '../../dist/src/rings/shared-numbers.js';

const { buffer, stop } = workerData;
const flag = new Int32Array(stop);
const numbers = new NumbersWriter(buffer, 3, 1);
parentPort.postMessage('writes');
let n = 0;
while (Atomics.load(flag, 0) === 0) {
  // Beyond 2^32, so that both words of a number change all the time.
  n += 0x8765_4321;
  numbers.values[0] = n;
  numbers.values[1] = -n;
  numbers.values[2] = n / 3;
  numbers.publish();
}
parentPort.postMessage(n);
