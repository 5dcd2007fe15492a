/**
 * What every record store must do, as tests that run on any of them: catalog, code extents, marks and facts. What they
 * do with claims is in claim-store-contract.ts.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordStore } from '../../src/ports.ts';
import { claimStoreContract } from './claim-store-contract.ts';
import { activity, template } from './samples.ts';

/** A store with nothing in it, which can be closed and opened again on what it kept. */
export interface StoreHome {
  open(): Promise<RecordStore>;
  dispose(): Promise<void>;
}

const SMALL = [
  { space: '0703101112', size: 100 },
  { space: '0703101121', size: 50 },
];

export function recordStoreContract(name: string, make: () => Promise<StoreHome>): void {
  describe(name, () => {
    let home: StoreHome;
    let store: RecordStore;

    beforeEach(async () => {
      home = await make();
      store = await home.open();
    });

    afterEach(async () => {
      await store.close();
      await home.dispose();
    });

    async function saved(changes: Parameters<typeof template>[0] = {}): Promise<number> {
      const outcome = await store.saveTemplate(template(changes), null, null);
      if (outcome.kind !== 'saved') throw new Error(outcome.kind);
      return outcome.value.id;
    }

    async function reopen(): Promise<void> {
      await store.close();
      store = await home.open();
    }

    describe('templates', () => {
      test('get an id, and are read back as they were saved', async () => {
        const one = template({ name: 'Größe "10%" 🎟', audience: { userIds: ['9223372036854775807'] } });
        const outcome = await store.saveTemplate(one, null, null);
        expect(outcome).toMatchObject({ kind: 'saved', extent: null });
        const id = (await store.templates())[0].id;
        expect(id).toBeGreaterThan(0);
        expect(await store.templates()).toEqual([{ ...one, id }]);
        expect(outcome).toMatchObject({ value: { ...one, id } });
      });

      test('keep their id when they change', async () => {
        const id = await saved();
        await store.saveTemplate(template({ id, name: 'New name', version: 2 }), null, null);
        expect(await store.templates()).toEqual([template({ id, name: 'New name', version: 2 })]);
      });

      test('have names of their own, until they are deleted', async () => {
        const first = await saved({ name: 'A' });
        const second = await saved({ name: 'B' });
        expect(await store.saveTemplate(template({ name: 'A' }), null, null)).toEqual({ kind: 'name_taken' });
        const renamed = template({ id: second, name: 'A', version: 2 });
        expect(await store.saveTemplate(renamed, null, null)).toEqual({ kind: 'name_taken' });
        await store.saveTemplate(
          template({ id: first, name: 'A', status: 'deleted', version: 2 }),
          null,
          null,
        );
        expect((await store.saveTemplate(renamed, null, null)).kind).toBe('saved');
        expect((await store.templates()).map(({ name: text }) => text)).toEqual(['A', 'A']);
      });
    });

    describe('a version', () => {
      const request = { firstSerial: 0, length: 10, spaces: SMALL };
      const mark = { scope: 's', key: 'k', fingerprint: 'f' };

      test('of a template replaces the one before it, and no other', async () => {
        const id = await saved();
        for (const version of [3, 0, 1, 7]) {
          const other = template({ id, name: `V${version}`, version });
          expect(await store.saveTemplate(other, request, mark)).toEqual({ kind: 'changed' });
        }
        expect(await store.saveTemplate(template({ id: id + 1, version: 2 }), request, mark)).toEqual({
          kind: 'changed',
        });
        expect(await store.templates()).toEqual([template({ id })]);
        expect(await store.extents()).toEqual([]);
        const next = await store.saveTemplate(template({ id, name: 'V2', version: 2 }), request, mark);
        expect(next).toMatchObject({ kind: 'saved', extent: { length: 10 } });
      });

      test('that is stored keeps a mark and changes nothing else', async () => {
        const id = await saved();
        const outcome = await store.saveTemplate(template({ id }), request, mark);
        expect(outcome).toEqual({ kind: 'saved', value: template({ id }), extent: null });
        expect([await store.templates(), await store.extents()]).toEqual([[template({ id })], []]);
        expect(await store.saveTemplate(template({ id }), null, mark)).toEqual({
          kind: 'repeated',
          id,
          same: true,
        });
      });

      test('of an activity too', async () => {
        const templateId = await saved();
        const outcome = await store.saveActivity(activity({ id: 0, templateId }), null);
        const id = outcome.kind === 'saved' ? outcome.value.id : -1;
        const stored = activity({ id, templateId });
        for (const version of [3, 0, 1, 7]) {
          const other = { ...stored, stock: 1, version };
          expect(await store.saveActivity(other, mark)).toEqual({ kind: 'changed' });
        }
        expect(await store.saveActivity(stored, mark)).toEqual({
          kind: 'saved',
          value: stored,
          extent: null,
        });
        expect(await store.saveActivity(stored, mark)).toEqual({ kind: 'repeated', id, same: true });
        expect(await store.activities()).toEqual([stored]);
        expect((await store.saveActivity({ ...stored, stock: 1, version: 2 }, null)).kind).toBe('saved');
      });
    });

    test('names are compared byte by byte', async () => {
      const names = ['A', 'a', 'A ', ' A', 'Á', 'A\u0301', 'Ａ', '🎟'.repeat(200)];
      for (const name of names)
        expect((await store.saveTemplate(template({ name }), null, null)).kind).toBe('saved');
      for (const name of names) {
        expect(await store.saveTemplate(template({ name }), null, null)).toEqual({ kind: 'name_taken' });
      }
      expect((await store.templates()).map(({ name }) => name)).toEqual(names);
    });

    test('activities get an id, are read back, and change', async () => {
      const templateId = await saved();
      const outcome = await store.saveActivity(activity({ id: 0, templateId }), null);
      if (outcome.kind !== 'saved') throw new Error(outcome.kind);
      const { id } = outcome.value;
      expect(await store.activities()).toEqual([activity({ id, templateId })]);
      await store.saveActivity(activity({ id, templateId, status: 'stopped', version: 2 }), null);
      expect(await store.activities()).toEqual([activity({ id, templateId, status: 'stopped', version: 2 })]);
    });

    describe('code extents', () => {
      test('follow on each other in a space, then in the next one, until all are full', async () => {
        const id = await saved();
        const extents = [];
        let firstSerial = 0;
        let version = 1;
        for (const length of [60, 40, 50]) {
          const request = { firstSerial, length, spaces: SMALL };
          const outcome = await store.saveTemplate(template({ id, version: ++version }), request, null);
          extents.push(outcome.kind === 'saved' ? outcome.extent : outcome.kind);
          firstSerial += length;
        }
        const [first, second] = SMALL.map(({ space }) => space);
        expect(extents).toEqual([
          { templateId: id, firstSerial: 0, length: 60, space: first, offset: 0 },
          { templateId: id, firstSerial: 60, length: 40, space: first, offset: 60 },
          { templateId: id, firstSerial: 100, length: 50, space: second, offset: 0 },
        ]);
        const byOffset = (a: { firstSerial: number }, b: { firstSerial: number }) =>
          a.firstSerial - b.firstSerial;
        expect([...(await store.extents())].sort(byOffset)).toEqual(extents);
        const full = { firstSerial, length: 1, spaces: SMALL };
        const next = template({ id, version: ++version });
        expect(await store.saveTemplate(next, full, null)).toEqual({ kind: 'code_space_full' });
      });

      test('that do not fit leave nothing behind: no template, no extent, no mark', async () => {
        const mark = { scope: 'templates', key: 'k', fingerprint: 'f' };
        const tooMuch = { firstSerial: 0, length: 101, spaces: SMALL };
        expect(await store.saveTemplate(template(), tooMuch, mark)).toEqual({ kind: 'code_space_full' });
        expect([await store.templates(), await store.extents()]).toEqual([[], []]);
        expect((await store.saveTemplate(template(), null, mark)).kind).toBe('saved');
      });
    });

    describe('a mark', () => {
      const mark = { scope: 'templates', key: 'k', fingerprint: 'f' };

      test('makes a create repeatable, and tells whether it is the same one', async () => {
        const first = await store.saveTemplate(
          template(),
          { firstSerial: 0, length: 10, spaces: SMALL },
          mark,
        );
        const id = first.kind === 'saved' ? first.value.id : -1;
        expect(await store.saveTemplate(template(), null, mark)).toEqual({
          kind: 'repeated',
          id,
          same: true,
        });
        const other = template({ name: 'Other' });
        expect(await store.saveTemplate(other, null, { ...mark, fingerprint: 'g' })).toEqual({
          kind: 'repeated',
          id,
          same: false,
        });
        expect((await store.templates()).length).toBe(1);
      });

      test('belongs to its scope', async () => {
        const templateId = await saved();
        await store.saveActivity(activity({ id: 0, templateId }), mark);
        const second = await store.saveActivity(activity({ id: 0, templateId }), mark);
        expect(second).toMatchObject({ kind: 'repeated', same: true });
        const elsewhere = { ...mark, scope: 'templates/2' };
        expect((await store.saveActivity(activity({ id: 0, templateId }), elsewhere)).kind).toBe('saved');
        expect((await store.activities()).length).toBe(2);
      });

      test('is not kept by a refusal', async () => {
        await saved({ name: 'A' });
        expect(await store.saveTemplate(template({ name: 'A' }), null, mark)).toEqual({ kind: 'name_taken' });
        expect((await store.saveTemplate(template({ name: 'B' }), null, mark)).kind).toBe('saved');
      });
    });

    test('a fact is kept as it was first told', async () => {
      expect(await store.keepFact('key', 'one')).toBe('one');
      expect(await store.keepFact('key', 'two')).toBe('one');
      expect(await store.keepFact('other', 'two')).toBe('two');
    });

    test('everything is there after the store was closed and opened', async () => {
      const mark = { scope: 's', key: 'k', fingerprint: 'f' };
      const id = await saved();
      const next = template({ id, version: 2 });
      await store.saveTemplate(next, { firstSerial: 0, length: 10, spaces: SMALL }, mark);
      await store.saveActivity(activity({ id: 0, templateId: id }), null);
      await store.keepFact('key', 'one');
      const before = [await store.templates(), await store.activities(), await store.extents()];
      await reopen();
      expect([await store.templates(), await store.activities(), await store.extents()]).toEqual(before);
      expect(before.map((rows) => rows.length)).toEqual([1, 1, 1]);
      expect(await store.keepFact('key', 'two')).toBe('one');
      expect(await store.saveTemplate(template(), null, mark)).toEqual({ kind: 'repeated', id, same: true });
    });
  });

  claimStoreContract(name, make);
}
