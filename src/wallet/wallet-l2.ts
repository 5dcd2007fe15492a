/** What the wallet cache asks of a cache that nodes share, and how long it waits for it. */

export interface WalletL2 {
  /** Nothing is answered that is older. */
  readonly ttlMsMax: number;
  /**
   * The owner's generation, made up if there is none and no change is announced, and the field's value unless the caller
   * `has` this generation.
   */
  get(owner: string, field: string, has: string | null): Promise<L2Answer>;
  /** Keeps the value if the generation is still the owner's, no longer than the generation lives. */
  set(owner: string, field: string, value: Uint8Array, generation: string): Promise<void>;
  /**
   * Ends the owner's generation; the next one begins after `drop` with the same `change`, a name never used before, or
   * when so much time has passed that it cannot come any more.
   */
  announce(owner: string, change: string): Promise<void>;
  /** Ends the owner's generation, and what was announced as `change`. */
  drop(owner: string, change: string | null): Promise<void>;
}

export interface L2Answer {
  /** null while a change is announced: nothing is kept. */
  readonly generation: string | null;
  readonly value: Uint8Array | null;
}

/** What a read waits, unless told. */
const WAIT_MS = 50;
/** What a change waits for being announced: more, as it is then known to all whatever becomes of this process. */
const ANNOUNCE_WAIT_MS = 250;
/** After a drop that failed for the first time. */
const RETRY_MS_MIN = 50;
/** After a failure reads do without for so long. */
const REST_MS = 1_000;
const RETRY_MS_MAX = 1_000;

/** The same for reads, which never fail by it, and for drops, which never give up too early. */
export class PatientL2 {
  failures = 0;
  readonly staleMsMax: number;
  readonly #l2: WalletL2;
  readonly #log: { error(fields: object, message: string): void };
  readonly #now: () => number;
  readonly #waitMs: number;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #wasDown = false;

  constructor(
    l2: WalletL2,
    log: { error(fields: object, message: string): void },
    now: () => number,
    waitMs = WAIT_MS,
  ) {
    this.#l2 = l2;
    this.#log = log;
    this.#now = now;
    this.#waitMs = waitMs;
    this.staleMsMax = l2.ttlMsMax + waitMs;
  }

  /** Null when there is no answer in time; then it is left in peace for a while. */
  async ask(owner: string, field: string, has: string | null): Promise<L2Answer | null> {
    if (this.#now() < this.#restUntilMs) return null;
    try {
      const answer = await inTime(this.#l2.get(owner, field, has), this.#waitMs);
      this.#wasDown = false;
      return answer;
    } catch (error) {
      this.#rest(error);
      return null;
    }
  }

  /** Does without after a moment: a change is not refused for it. */
  async announce(owners: readonly string[], change: string): Promise<void> {
    try {
      await inTime(Promise.all(owners.map((owner) => this.#l2.announce(owner, change))), ANNOUNCE_WAIT_MS);
    } catch (error) {
      this.#rest(error);
    }
  }

  /** Rejects when it cannot be done now. */
  async dropAll(owners: readonly string[]): Promise<void> {
    await Promise.all(owners.map((owner) => this.#l2.drop(owner, null)));
  }

  /** Nobody waits for it. */
  offer(owner: string, field: string, value: Uint8Array, generation: string): void {
    this.#l2.set(owner, field, value, generation).catch((error: unknown) => this.#rest(error));
  }

  /** Tries until it is done, or `staleMsMax` has passed and with it everything that was there. */
  async drop(owner: string, change: string | null, staleMsMax: number): Promise<void> {
    const deadlineMs = this.#now() + staleMsMax;
    for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
      try {
        return await this.#l2.drop(owner, change);
      } catch (error) {
        this.#rest(error);
        if (this.#now() > deadlineMs) return;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  #rest(error: unknown): void {
    this.failures++;
    if (!this.#wasDown) this.#log.error({ err: error }, 'wallets are read without the shared cache');
    this.#wasDown = true;
    this.#restUntilMs = this.#now() + REST_MS;
  }
}

/** Rejects when there is no answer by then. */
async function inTime<T>(answer: Promise<T>, waitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer after ${waitMs} ms`)), waitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
