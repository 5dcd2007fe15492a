/** A change is said to be made once owners have taken it in and its units can be claimed, and not before. */
import { beforeEach, describe, expect, test } from 'vitest';
import { InForce } from '../../src/engine/in-force.ts';
import { SLICE_UNITS_MIN } from '../../src/limits.ts';
import type { PoolRef } from '../../src/ports.ts';
import { Unavailable } from '../../src/problems.ts';
import type { ToOwner } from '../../src/workers/owner-messages.ts';
import { Shelf } from '../claims/views.ts';

type Confirm = Extract<ToOwner, { kind: 'confirm' }>;

const PATIENCE_MS = 30;
let sent: { owner: number; message: Confirm }[];
let serving: Set<number>;
let stocked: (ref: PoolRef) => Promise<boolean>;
let leasable: number;
let force: InForce;
const { view } = new Shelf({ total: 10 });
const templateId = view.template.id;
const GENERAL = { templateId, activityId: 0 };

beforeEach(() => {
  sent = [];
  serving = new Set([0, 1, 2]);
  stocked = async () => true;
  leasable = 10;
  force = new InForce({
    send: (owner, message) => sent.push({ owner, message: message as Confirm }),
    serves: (owner) => serving.has(owner),
    leases: { stocked: (ref) => stocked(ref), leasable: () => leasable },
    patienceMs: PATIENCE_MS,
  });
});

/** Whether the promise is settled once everything that can happen has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise(setImmediate);
  return settled;
}

describe('owners', () => {
  test('must all have answered', async () => {
    const confirmed = force.confirmed(view, [0, 1]);
    expect(sent.map(({ owner }) => owner)).toEqual([0, 1]);
    const { change } = sent[0].message;
    force.answered(0, change);
    force.answered(0, change);
    expect(await isSettled(confirmed)).toBe(false);
    force.answered(1, change);
    await confirmed;
  });

  test('are asked about each change apart', async () => {
    const first = force.confirmed(view, [0]);
    const second = force.confirmed(view, [0]);
    expect(sent[0].message.change).not.toBe(sent[1].message.change);
    force.answered(0, sent[1].message.change);
    await second;
    expect(await isSettled(first)).toBe(false);
    force.answered(0, sent[0].message.change);
    await first;
  });

  test('that do not serve are not waited for, nor those that end meanwhile', async () => {
    serving.delete(1);
    await force.confirmed(view, [1]);
    expect(sent).toEqual([]);
    const confirmed = force.confirmed(view, [0, 1, 2]);
    expect(sent.map(({ owner }) => owner)).toEqual([0, 2]);
    force.ownerEnded(2);
    expect(await isSettled(confirmed)).toBe(false);
    force.answered(0, sent[0].message.change);
    await confirmed;
  });

  test('that are silent make the change unavailable, by name', async () => {
    const confirmed = force.confirmed(view, [0, 2]);
    force.answered(0, sent[0].message.change);
    await expect(confirmed).rejects.toThrow(Unavailable);
    await expect(confirmed).rejects.toThrow('Owners 2 did not take the change in');
  });
});

describe('new units', () => {
  test('have codes first, then owners are asked to take slices of them, once', async () => {
    let made = (_done: boolean): void => {};
    stocked = () =>
      new Promise((resolve) => {
        made = resolve;
      });
    force.fresh(GENERAL);
    const confirmed = force.confirmed(view, [0]);
    expect(await isSettled(confirmed)).toBe(false);
    expect(sent).toEqual([]);
    made(true);
    await new Promise(setImmediate);
    expect(sent).toMatchObject([{ owner: 0, message: { kind: 'confirm', lease: [GENERAL] } }]);
    force.answered(0, sent[0].message.change);
    await confirmed;
    const again = force.confirmed(view, [0]);
    await new Promise(setImmediate);
    expect(sent[1].message.lease).toEqual([]);
    force.answered(0, sent[1].message.change);
    await again;
  });

  test('are still waited for by the next attempt when their codes did not come in time', async () => {
    stocked = async () => false;
    force.fresh(GENERAL);
    await expect(force.confirmed(view, [0])).rejects.toThrow(Unavailable);
    expect(sent).toEqual([]);
    stocked = async () => true;
    const confirmed = force.confirmed(view, [0]);
    await new Promise(setImmediate);
    expect(sent[0].message.lease).toEqual([GENERAL]);
    force.answered(0, sent[0].message.change);
    await confirmed;
  });

  test('of a pool that has ended are nobody’s business', async () => {
    force.fresh({ templateId, activityId: 9 });
    force.stale({ templateId, activityId: 9 });
    stocked = async () => false;
    const confirmed = force.confirmed(view, [0]);
    await new Promise(setImmediate);
    force.answered(0, sent[0].message.change);
    await confirmed;
  });

  test('too few for all partitions are left for those where claims arrive', async () => {
    const { view: hot } = new Shelf({ total: 10, partitions: 8 });
    for (const [units, leased] of [
      [SLICE_UNITS_MIN * 8, 0],
      [SLICE_UNITS_MIN * 8 * 8, 1],
    ]) {
      leasable = units;
      force.fresh({ templateId: hot.template.id, activityId: 0 });
      const confirmed = force.confirmed(hot, [0]);
      await new Promise(setImmediate);
      const { message } = sent.at(-1)!;
      expect(message.lease).toHaveLength(leased);
      force.answered(0, message.change);
      await confirmed;
    }
  });
});
