/** Counts answers and keeps a sample of coupons: shared by all clients of the load process. */
import type { AnswerScanner } from './answer-scanner.ts';
import type { KeptCoupon, Latency, LoadResult, UserRange } from './jobs.ts';

export class Tally {
  answered = 0;
  readonly #statuses = new Uint32Array(1000);
  readonly #named = new Map<string, number>();
  readonly #coupons: KeptCoupon[] = [];
  readonly #couponEvery: number;
  readonly #countedBy: string | null;
  #startedAtMs = 0;
  #cpuAtStart = process.cpuUsage();

  constructor(couponEvery: number, countedBy: string | null = null) {
    this.#couponEvery = couponEvery;
    this.#countedBy = countedBy;
  }

  start(): void {
    this.#startedAtMs = performance.now();
    this.#cpuAtStart = process.cpuUsage();
  }

  http(userId: number, answer: AnswerScanner): void {
    this.answered++;
    const { status } = answer;
    // Success is counted by status alone unless told; a refusal also by its code, since 409 has several meanings.
    if (status < 300) {
      if (this.#countedBy === null) this.#statuses[status]!++;
      else this.#count(`${status} ${this.#countedBy} ${answer.numberMember(this.#countedBy)}`);
      if (this.#couponEvery > 0 && userId % this.#couponEvery === 0) {
        const couponId = answer.stringMember('couponId');
        if (couponId !== null) this.#coupons.push({ userId, couponId });
      }
    } else {
      this.#count(`${status} ${answer.stringMember('code') ?? ''}`.trimEnd());
    }
  }

  /** An answer to `what` was asked. */
  step(what: string, answer: AnswerScanner): void {
    this.answered++;
    this.#count(`${what} ${answer.status} ${answer.stringMember('code') ?? ''}`.trimEnd());
  }

  claim(userId: number, status: string, couponId: string | null): void {
    this.answered++;
    this.#count(status);
    if (couponId !== null && this.#couponEvery > 0 && userId % this.#couponEvery === 0) {
      this.#coupons.push({ userId, couponId });
    }
  }

  #count(name: string): void {
    this.#named.set(name, (this.#named.get(name) ?? 0) + 1);
  }

  result(latency: Latency | null): LoadResult {
    const seconds = (performance.now() - this.#startedAtMs) / 1000;
    const cpu = process.cpuUsage(this.#cpuAtStart);
    const outcomes: Record<string, number> = Object.fromEntries(this.#named);
    this.#statuses.forEach((count, status) => {
      if (count > 0) outcomes[status] = count;
    });
    return {
      answered: this.answered,
      outcomes,
      seconds,
      clientCpuSeconds: (cpu.user + cpu.system) / 1e6,
      coupons: this.#coupons,
      latency,
    };
  }
}

/** Walks a range of users round and round. */
export function userWalk(users: UserRange): () => number {
  let next = 0;
  return () => {
    const userId = users.first + next;
    next = next + 1 === users.count ? 0 : next + 1;
    return userId;
  };
}
