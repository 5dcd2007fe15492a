/** Batches spread over the nodes of one installation: each user's claim goes to a node chosen at random. */
import type { ServerTarget } from '../server-target.ts';
import { type BatchAnswer, type BatchClaimer, LiveBatches } from './live-batches.ts';

export interface ClosableClaimer extends BatchClaimer {
  close(): void;
}

export class SpreadBatches implements ClosableClaimer {
  private readonly claimers: readonly ClosableClaimer[];
  private readonly random: () => number;

  /** `random`: [0, 1). */
  constructor(claimers: readonly ClosableClaimer[], random: () => number = Math.random) {
    this.claimers = claimers;
    this.random = random;
  }

  /** All of them, or none and the failure. */
  static async open(targets: readonly ServerTarget[]): Promise<SpreadBatches> {
    const opened = await Promise.allSettled(targets.map((target) => LiveBatches.open(target)));
    const claimers = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const one of opened) {
      if (one.status === 'fulfilled') continue;
      for (const claimer of claimers) claimer.close();
      throw one.reason;
    }
    return new SpreadBatches(claimers);
  }

  async claims(templateId: string, userIds: readonly string[]): Promise<BatchAnswer> {
    if (this.claimers.length === 1) return this.claimers[0]!.claims(templateId, userIds);
    const chosen = userIds.map(() => Math.floor(this.random() * this.claimers.length));
    const status = new Array<string>(userIds.length);
    const couponIds = new Array<string | null>(userIds.length);
    const couponCodes = new Array<string | null>(userIds.length);
    await Promise.all(
      this.claimers.map(async (claimer, at) => {
        const places = [...chosen.keys()].filter((i) => chosen[i] === at);
        if (places.length === 0) return;
        const answer = await claimer.claims(
          templateId,
          places.map((i) => userIds[i]!),
        );
        places.forEach((i, k) => {
          status[i] = answer.status[k]!;
          couponIds[i] = answer.couponIds[k]!;
          couponCodes[i] = answer.couponCodes[k]!;
        });
      }),
    );
    return { status, couponIds, couponCodes };
  }

  close(): void {
    for (const claimer of this.claimers) claimer.close();
  }
}
