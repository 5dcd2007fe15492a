/** Virtual time: one queue of events in microseconds, ties in the order they were asked for. */
interface Event {
  readonly atUs: number;
  readonly sequence: number;
  readonly run: () => void;
}

export class Scheduler {
  nowUs = 0;
  /** Events run so far. */
  count = 0;
  private readonly heap: Event[] = [];
  private sequence = 0;

  at(atUs: number, run: () => void): void {
    const event = { atUs, sequence: this.sequence++, run };
    const { heap } = this;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = event;
  }

  later(delayUs: number, run: () => void): void {
    this.at(this.nowUs + delayUs, run);
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const { heap } = this;
    if (heap.length === 0) return false;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
        if (!isBefore(heap[child], last)) break;
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = last;
    }
    this.nowUs = first.atUs;
    this.count++;
    first.run();
    return true;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence);
}

/** Messages from one side to another: delayed, never overtaking each other. */
export class Channel {
  private readonly scheduler: Scheduler;
  private readonly delayUs: () => number;
  private lastUs = 0;

  constructor(scheduler: Scheduler, delayUs: () => number) {
    this.scheduler = scheduler;
    this.delayUs = delayUs;
  }

  send(run: () => void): void {
    this.lastUs = Math.max(this.lastUs, this.scheduler.nowUs + this.delayUs());
    this.scheduler.at(this.lastUs, run);
  }
}
