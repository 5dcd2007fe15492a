/** What operators made: durable, and changed only by the simulation's own events. Codes and users are pure functions. */
import type { PoolRules, TemplateRules } from '../../src/actors/rules.ts';
import type { CodeRules } from '../../src/audit/facts.ts';
import type { Random } from './random.ts';

export interface SimActivity {
  readonly id: number;
  readonly perUserLimit: number;
  stock: number;
  /** unopened: stored, but its units were not taken yet. */
  status: 'unopened' | 'active' | 'stopped';
}

export class SimTemplate {
  readonly id: number;
  readonly partitions: number;
  readonly perUserLimit: number;
  readonly activities: SimActivity[] = [];
  /** Users that may come. */
  readonly users: number;
  total: number;
  fromMs = Number.NEGATIVE_INFINITY;
  untilMs = Number.POSITIVE_INFINITY;
  private version = 1;

  constructor(id: number, random: Random, ownersMany: boolean) {
    this.id = id;
    this.partitions = random.pick(ownersMany ? [1, 2, 4, 8] : [1, 1, 2, 4]);
    this.perUserLimit = random.between(1, 3);
    this.total = random.skewed(30, 320);
    this.users = Math.ceil((this.total / this.perUserLimit) * (0.7 + random.fraction()));
    for (let i = random.int(3); i > 0; i--) {
      this.activities.push({
        id: id * 10 + i,
        perUserLimit: random.between(1, 3),
        stock: random.between(0, Math.floor(this.total / 4)),
        status: random.chance(0.6) ? 'active' : 'unopened',
      });
    }
  }

  rules(): TemplateRules {
    const { fromMs, untilMs, perUserLimit } = this;
    const pools: PoolRules[] = [{ activityId: 0, perUserLimit, fromMs, untilMs }];
    for (const { id, perUserLimit: limit, status } of this.activities) {
      if (status === 'unopened') continue;
      const end = status === 'stopped' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      pools.push({ activityId: id, perUserLimit: limit, fromMs: Number.NEGATIVE_INFINITY, untilMs: end });
    }
    return {
      templateId: this.id,
      version: this.version++,
      partitions: this.partitions,
      published: true,
      claimable: true,
      perUserLimit,
      countsUsable: false,
      audience: null,
      pools,
    };
  }

  activity(id: number): SimActivity | undefined {
    return this.activities.find((activity) => activity.id === id);
  }

  /** The limit that makes every repeat the same coupon is the pool's. */
  poolLimit(activityId: number): number {
    return activityId === 0 ? this.perUserLimit : this.activity(activityId)!.perUserLimit;
  }
}

/** User number → the two words of a 63-bit id, one to one. */
export function userLo(user: number): number {
  return Math.imul(user + 1, 0x9e3779b1) >>> 0;
}

export function userHi(user: number): number {
  return Math.imul(user + 1, 0x85ebca6b) & 0x7fffffff;
}

export function codeLo(templateId: number, serial: number): number {
  return Math.imul(serial * 2 + templateId, 0x2545f491) >>> 0;
}

export function codeHi(templateId: number): number {
  return (templateId * 257) & 0xffff;
}

function codeValue(templateId: number, serial: number): number {
  return codeHi(templateId) * 0x1_0000_0000 + codeLo(templateId, serial);
}

export const simCodes: CodeRules = {
  codeOf: (templateId, serial) => String(codeValue(templateId, serial)),
  valueOf: codeValue,
  couponOf: () => null,
  faults: [],
};
