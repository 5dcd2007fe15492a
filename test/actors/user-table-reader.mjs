// Reads a user table that another thread writes, until told to stop; reports what it saw. User lo has serial lo * 3
// or, later, lo * 3 + 1; users are put in ascending order of lo, and the writer says how far it is in `state`.
import { parentPort, workerData } from 'node:worker_threads';
import { ABSENT, UNKNOWN, UserTable } from '../../dist/src/actors/user-table.js';

const { buffers, state, hi } = workerData;
const table = UserTable.attach(buffers);
const [STOP, WRITTEN, ROUNDS] = [0, 1, 2];
const seen = { found: 0, absent: 0, unknown: 0, wrong: [] };
let follow = null;
let x = 12345;
Atomics.add(state, ROUNDS, 1);

parentPort.on('message', (replacement) => {
  follow = replacement;
});

function look() {
  for (let i = 0; i < 2000; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    const writtenBefore = Atomics.load(state, WRITTEN);
    // Mostly near the writer: that is where entries are born.
    const lo = x & 1 ? x % (writtenBefore + 50) : writtenBefore + 25 - ((x >>> 8) % 50);
    if (lo < 1) continue;
    const serial = table.newest(lo, hi);
    const writtenAfter = Atomics.load(state, WRITTEN);
    if (serial === UNKNOWN) seen.unknown++;
    else if (serial === ABSENT) {
      seen.absent++;
      if (lo <= writtenBefore) seen.wrong.push(`${lo} was put and is absent`);
    } else {
      seen.found++;
      if (lo > writtenAfter + 1) seen.wrong.push(`${lo} was not put yet and has ${serial}`);
      if (serial !== lo * 3 && serial !== lo * 3 + 1) seen.wrong.push(`${lo} has ${serial}`);
    }
  }
  if (follow !== null) {
    table.replaceSegment(follow.index, follow.buffer);
    follow = null;
  }
  Atomics.add(state, ROUNDS, 1);
  if (Atomics.load(state, STOP) === 1 || seen.wrong.length > 20) {
    parentPort.postMessage(seen);
    parentPort.close();
  } else setImmediate(look);
}

look();
