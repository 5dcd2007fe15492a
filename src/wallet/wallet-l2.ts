/** What the wallet cache asks of a cache that nodes share, and how long it waits for it. */

export interface WalletL2 {
  /** Nothing is answered that is older. */
  readonly ttlMsMax: number;
  /** The owner's generation, made up if there is none, and the field's value unless the caller `has` this generation. */
  get(owner: string, field: string, has: string | null): Promise<L2Answer>;
  /** Keeps the value if the generation is still the owner's, no longer than the generation lives. */
  set(owner: string, field: string, value: Uint8Array, generation: string): Promise<void>;
  /** Ends the owner's generation. */
  drop(owner: string): Promise<void>;
}

export interface L2Answer {
  readonly generation: string;
  readonly value: Uint8Array | null;
}

/** What a read waits. */
const WAIT_MS = 50;
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
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #wasDown = false;

  constructor(l2: WalletL2, log: { error(fields: object, message: string): void }, now: () => number) {
    this.#l2 = l2;
    this.#log = log;
    this.#now = now;
    this.staleMsMax = l2.ttlMsMax + WAIT_MS;
  }

  /** Null when there is no answer in time; then it is left in peace for a while. */
  async ask(owner: string, field: string, has: string | null): Promise<L2Answer | null> {
    if (this.#now() < this.#restUntilMs) return null;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer after ${WAIT_MS} ms`)), WAIT_MS);
    });
    try {
      const answer = await Promise.race([this.#l2.get(owner, field, has), late]);
      this.#wasDown = false;
      return answer;
    } catch (error) {
      this.#rest(error);
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Nobody waits for it. */
  offer(owner: string, field: string, value: Uint8Array, generation: string): void {
    this.#l2.set(owner, field, value, generation).catch((error: unknown) => this.#rest(error));
  }

  /** Tries until it is done, or `staleMsMax` has passed and with it everything that was there. */
  async drop(owner: string, staleMsMax: number): Promise<void> {
    const deadlineMs = this.#now() + staleMsMax;
    for (let waitMs = WAIT_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
      try {
        return await this.#l2.drop(owner);
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
