/** Random states of a shop that are right, as unpacked facts that a test can spoil before the checker sees them. */
import fc from 'fast-check';
import type {
  ActivityFact,
  CodeRules,
  Facts,
  LogFact,
  PoolFact,
  RowFact,
  TemplateFact,
} from '../../src/audit/facts.ts';
import { ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import { userIdText } from '../../src/domain/user-id.ts';
import type { SerialRange } from '../../src/ports.ts';

export const TIME_HI = 416;

export interface PlainClaim {
  templateId: number;
  serial: number;
  user: number;
  activityId: number;
  code: number;
  time: number;
}

/** All fields may be changed; `factsOf` packs them. */
export interface World {
  templates: TemplateFact[];
  activities: ActivityFact[];
  stored: PlainClaim[];
  logged: PlainClaim[];
  flushed: PlainClaim[];
  rows: RowFact[];
  pools: PoolFact[];
  logs: LogFact[];
}

export const codeNumber = (templateId: number, serial: number): number => templateId * 1000 + serial;

export const rules: CodeRules = {
  codeOf: (templateId, serial) => `C${codeNumber(templateId, serial)}`,
  valueOf: codeNumber,
  couponOf: (code) => {
    const value = /^C(\d+)$/.exec(code)?.[1];
    return value === undefined ? null : couponId(Math.floor(Number(value) / 1000), Number(value) % 1000);
  },
  faults: [],
};

function pack(claims: readonly PlainClaim[]): Uint8Array[] {
  // Pieces of unequal length, as blocks are.
  const pieces: Uint8Array[] = [];
  for (let from = 0, n = 1; from < claims.length; from += n, n = (n * 2) % 7 || 1) {
    const part = claims.slice(from, from + n);
    const words = new Uint32Array(part.length * ENTRY_WORDS);
    part.forEach(({ templateId, serial, user, activityId, code, time }, i) => {
      writeEntry(
        words,
        i * ENTRY_WORDS,
        templateId,
        serial,
        user,
        7,
        activityId,
        code,
        0,
        time,
        TIME_HI,
        0,
        0,
      );
    });
    pieces.push(new Uint8Array(words.buffer));
  }
  return pieces;
}

export function factsOf(world: World): Facts {
  const { templates, activities, rows, logs, pools } = world;
  return {
    templates,
    activities,
    blocks: pack(world.stored),
    log: pack(world.logged),
    flushed: pack(world.flushed),
    rows,
    ledger: pools,
    logs,
    codes: rules,
  };
}

export function rowOf({ templateId, serial, user, activityId, code, time }: PlainClaim): RowFact {
  const claimedAtMs = TIME_HI * 2 ** 32 + time;
  return {
    couponId: couponId(templateId, serial),
    userId: userIdText(user, 7),
    templateId,
    activityId,
    code: `C${code}`,
    claimedAtMs,
    validFromMs: claimedAtMs,
    validUntilMs: claimedAtMs + 86_400_000,
    state: 0,
  };
}

const one = (serial: number): SerialRange => ({ from: serial, to: serial + 1 });

/**
 * What became of a unit: free 0, bare 1, leased and unsold 2; sold and reported: stored 3, logged 4, both 5; the same
 * three again, sold and not yet reported 6–8. Odd pools are activities.
 */
const unit = fc.record({
  fate: fc.integer({ min: 0, max: 8 }),
  inActivity: fc.boolean(),
  holder: fc.integer({ min: 0, max: 2 }),
});

const shape = fc.record({
  templates: fc.array(
    fc.record({
      units: fc.array(unit, { minLength: 1, maxLength: 40 }),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  firstId: fc.integer({ min: 1, max: 1000 }),
});

export const worlds: fc.Arbitrary<World> = shape.map(({ templates, firstId }) => {
  const world: World = {
    templates: [],
    activities: [],
    stored: [],
    logged: [],
    flushed: [],
    rows: [],
    pools: [],
    logs: [],
  };
  templates.forEach(({ units, limit }, t) => {
    const templateId = firstId + t;
    const activityId = 500 + t;
    world.templates.push({
      templateId,
      total: units.length,
      perUserLimit: limit,
      validity: { daysAfterClaim: 1 },
    });
    const pools = [0, activityId].map((id) => ({
      ref: { templateId, activityId: id },
      free: [] as SerialRange[],
      bare: [] as SerialRange[],
      leases: [0, 1, 2].map((owner) => ({
        holder: { owner, partition: 0 },
        epoch: 1,
        serials: [] as SerialRange[],
      })),
    }));
    let sold = 0;
    let soldInActivity = 0;
    units.forEach(({ fate, inActivity, holder }, serial) => {
      const pool = pools[inActivity ? 1 : 0]!;
      if (fate === 0) pool.free.push(one(serial));
      if (fate === 1) pool.bare.push(one(serial));
      if (fate === 2 || fate >= 6) pool.leases[holder]!.serials.push(one(serial));
      if (fate < 3) return;
      const claim: PlainClaim = {
        templateId,
        serial,
        user: 100 + Math.floor(sold++ / limit),
        activityId: inActivity ? activityId : 0,
        code: codeNumber(templateId, serial),
        time: serial * 3,
      };
      if (inActivity) soldInActivity++;
      if (fate % 3 !== 1) {
        world.stored.push(claim);
        world.flushed.push(claim);
        world.rows.push(rowOf(claim));
      }
      if (fate % 3 !== 0) world.logged.push({ ...claim });
    });
    world.activities.push({
      activityId,
      templateId,
      perUserLimit: limit,
      stock: soldInActivity,
      status: 'active',
    });
    world.pools.push(...pools);
  });
  world.logs.push({ logId: 1, watermark: 400, first: 0, end: 480, damage: null });
  return world;
});
