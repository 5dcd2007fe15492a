/**
 * What goes wrong and is tried again, told to people: at once when it is new, and then once in a while with how often
 * it was. While a store is away everything fails many times a second, and saying so each time would hide the rest.
 */
const TELL_MS = 10_000;

export interface Trouble {
  readonly what: string;
  /** Of the last failure. */
  readonly detail: string;
  /** Failures since it was told the last time. */
  readonly times: number;
}

export class Troubles {
  private readonly nowMs: () => number;
  private readonly tell: (trouble: Trouble) => void;
  /** By `what`, of which there are as many as places that call. */
  private readonly seen = new Map<string, { toldMs: number; times: number }>();

  /** `nowMs`: a monotonic clock. */
  constructor(nowMs: () => number, tell: (trouble: Trouble) => void) {
    this.nowMs = nowMs;
    this.tell = tell;
  }

  /** `what` is a fixed text; what differs from case to case belongs into `where`. */
  met(what: string, error: unknown, where?: string): void {
    let seen = this.seen.get(what);
    if (seen === undefined) {
      seen = { toldMs: Number.NEGATIVE_INFINITY, times: 0 };
      this.seen.set(what, seen);
    }
    seen.times++;
    const nowMs = this.nowMs();
    if (nowMs - seen.toldMs < TELL_MS) return;
    const text = error instanceof Error ? error.message : String(error);
    this.tell({ what, detail: where === undefined ? text : `${where}: ${text}`, times: seen.times });
    seen.toldMs = nowMs;
    seen.times = 0;
  }
}
