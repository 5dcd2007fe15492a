/**
 * What every record store must do, as tests that run on any of them: catalog, code extents, marks and facts. What they
 * do with claims is in claim-store-contract.ts.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MarkStore, RecordStore } from '../../src/ports.ts';
import { claimStoreContract } from './claim-store-contract.ts';
import { activity, template } from './samples.ts';

/** A store with nothing in it, which can be closed and opened again on what it kept. */
export interface StoreHome {
  open(): Promise<RecordStore & MarkStore>;
  dispose(): Promise<void>;
}

const SMALL = [
  { space: '0703101112', size: 100 },
  { space: '0703101121', size: 50 },
];

export function recordStoreContract(name: string, make: () => Promise<StoreHome>): void {
  describe(name, () => {
    let home: StoreHome;
    let store: RecordStore & MarkStore;

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

    describe('many new templates at once', () => {
      test('get ids in their order, and are read back as they were given', async () => {
        const before = await saved({ name: 'Before' });
        const list = ['Größe "10%" ?', 'B', '🎟'].map((name) => template({ name, status: 'draft' }));
        const ids = await store.addTemplates(list);
        expect(ids.every((id) => id !== null && id > before)).toBe(true);
        expect(ids).toEqual([...ids].sort((a, b) => a! - b!));
        expect((await store.templates()).slice(1)).toEqual(list.map((one, i) => ({ ...one, id: ids[i] })));
        const next = template({ id: ids[1]!, name: 'B2', version: 2 });
        expect((await store.saveTemplate(next, null, null)).kind).toBe('saved');
        expect(await saved({ name: 'After' })).toBeGreaterThan(ids[2]!);
      });

      test('leave out those whose name is taken, in the store or among them', async () => {
        await saved({ name: '\u00c1' });
        const gone = await saved({ name: 'Gone' });
        await store.saveTemplate(
          template({ id: gone, name: 'Gone', status: 'deleted', version: 2 }),
          null,
          null,
        );
        const names = ['A\u0301', 'B', 'b', 'B', 'Gone', '\u00c1'];
        const ids = await store.addTemplates(names.map((name) => template({ name })));
        expect(ids.map((id) => id === null)).toEqual([true, false, false, true, false, true]);
        expect(await store.addTemplates(names.map((name) => template({ name })))).toEqual(
          names.map(() => null),
        );
        expect(await store.addTemplates([])).toEqual([]);
        await reopen();
        expect((await store.templates()).map(({ name }) => name)).toEqual([
          '\u00c1',
          'Gone',
          'B',
          'b',
          'Gone',
        ]);
      });

      test('of two lists with the same names at the same moment each name is saved once', async () => {
        const list = Array.from({ length: 200 }, (_, i) => template({ name: `N${i}` }));
        const [one, two] = await Promise.all([
          store.addTemplates(list),
          store.addTemplates([...list].reverse()),
        ]);
        two.reverse();
        for (const [i, id] of one.entries()) expect(id === null).toBe(two[i] !== null);
        expect(await store.templates()).toHaveLength(200);
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

    describe('what a save was judged by', () => {
      test("is the version of an activity's template", async () => {
        const templateId = await saved();
        const made = await store.saveActivity(activity({ id: 0, templateId }), null, 1);
        const id = made.kind === 'saved' ? made.value.id : -1;
        await store.saveTemplate(template({ id: templateId, version: 2 }), null, null);
        const next = activity({ id, templateId, version: 2, stock: 7 });
        expect(await store.saveActivity(next, null, 1)).toEqual({ kind: 'changed' });
        expect(await store.saveActivity(activity({ id: 0, templateId }), null, 1)).toEqual({
          kind: 'changed',
        });
        expect(await store.activities()).toEqual([activity({ id, templateId })]);
        expect((await store.saveActivity(next, null, 2)).kind).toBe('saved');
      });

      test("is all of a template's activities", async () => {
        const [id, elsewhere] = [await saved({ name: 'A' }), await saved({ name: 'B' })];
        await store.saveActivity(activity({ id: 0, templateId: elsewhere }), null);
        const next = template({ id, name: 'A', version: 2 });
        const made = await store.saveActivity(activity({ id: 0, templateId: id }), null);
        const one = { id: made.kind === 'saved' ? made.value.id : -1, version: 1 };
        for (const judgedBy of [
          [],
          [{ ...one, version: 2 }],
          [one, { id: 77, version: 1 }],
          [{ ...one, id: 77 }],
        ])
          expect(await store.saveTemplate(next, null, null, judgedBy)).toEqual({ kind: 'changed' });
        expect((await store.saveTemplate(next, null, null, [one])).kind).toBe('saved');
      });
    });

    test('names are compared to the letter, in NFC', async () => {
      const names = ['A', 'a', 'A ', ' A', '\u00c1', 'Ａ', '한글', '🎟'.repeat(200)];
      for (const name of names)
        expect((await store.saveTemplate(template({ name }), null, null)).kind).toBe('saved');
      for (const name of names) {
        expect(await store.saveTemplate(template({ name }), null, null)).toEqual({ kind: 'name_taken' });
      }
      for (const name of ['A\u0301', '한글'.normalize('NFD')])
        expect(await store.saveTemplate(template({ name }), null, null)).toEqual({ kind: 'name_taken' });
      expect((await store.templates()).map(({ name }) => name)).toEqual(names);
    });

    test('of names that are the same at the same moment one is saved', async () => {
      const names = ['\u00c1', 'A\u0301', '\u00c1', 'A\u0301'];
      const outcomes = await Promise.all(
        names.map((name) => store.saveTemplate(template({ name }), null, null)),
      );
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual([
        'name_taken',
        'name_taken',
        'name_taken',
        'saved',
      ]);
    });

    test('a name of before stays with who has it', async () => {
      const id = await saved({ name: 'A\u0301' });
      const stored = template({ id, name: 'A\u0301', version: 2, status: 'disabled' });
      expect((await store.saveTemplate(stored, null, null)).kind).toBe('saved');
      expect(await store.saveTemplate(template({ name: '\u00c1' }), null, null)).toEqual({
        kind: 'name_taken',
      });
      await store.saveTemplate({ ...stored, name: 'B', version: 3 }, null, null);
      expect((await store.saveTemplate(template({ name: '\u00c1' }), null, null)).kind).toBe('saved');
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

      /** Publishes ten units in each of the spaces, in order, as one template a space; what became of each. */
      async function published(...spaces: string[]): Promise<unknown[]> {
        const outcomes = [];
        for (const [i, space] of spaces.entries()) {
          const request = { firstSerial: 0, length: 10, spaces: [{ space, size: 100_000 }] };
          const outcome = await store.saveTemplate(template({ name: `T${i} ${space}` }), request, null);
          outcomes.push(outcome.kind === 'saved' ? outcome.extent!.offset : outcome);
        }
        return outcomes;
      }

      test('share no code with another space', async () => {
        const [digits, hex, other, prefixed] = [
          'AB-######|0123456789',
          'AB-######|0123456789ABCDEF',
          'AB-######|GHJKLMNPQR',
          'A#-######|BCDEFGHJKL',
        ];
        expect(await published(digits!, digits!, other!, '0703101112')).toEqual([0, 10, 0, 0]);
        const [first] = await store.templates();
        const overlap = { kind: 'codes_overlap', templateId: first!.id };
        const third = { kind: 'codes_overlap', templateId: first!.id + 2 };
        expect(await published(hex!, prefixed!)).toEqual([overlap, third]);
        expect((await store.templates()).length).toBe(4);
        expect((await store.extents()).length).toBe(4);
      });

      test('that are added later neither', async () => {
        const [mine, rival] = ['AB-######|0123456789', 'AB-######|0123456789ABCDEF'];
        const ids = [await saved({ name: 'A' }), await saved({ name: 'B' })];
        const added = (at: number, space: string, version: number) =>
          store.saveTemplate(
            template({ id: ids[at]!, name: 'AB'[at]!, version }),
            { firstSerial: version * 10, length: 10, spaces: [{ space, size: 100_000 }] },
            null,
          );
        expect((await added(0, mine!, 2)).kind).toBe('saved');
        expect(await added(1, rival!, 2)).toEqual({ kind: 'codes_overlap', templateId: ids[0] });
        expect((await added(0, mine!, 3)).kind).toBe('saved');
      });

      test('of a space that shares codes are reserved in the next one', async () => {
        await published('AB-######|0123456789');
        const spaces = ['AB-######|0123456789ABCDEF', 'CD-######|0123456789ABCDEF'];
        const request = {
          firstSerial: 0,
          length: 10,
          spaces: spaces.map((space) => ({ space, size: 100_000 })),
        };
        const outcome = await store.saveTemplate(template(), request, null);
        expect(outcome).toMatchObject({ kind: 'saved', extent: { space: spaces[1], offset: 0 } });
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

      test('is forgotten once it is old, the oldest first and so many at a time; then its key is free', async () => {
        const HOUR_MS = 3_600_000;
        const keys = ['a', 'b', 'c'];
        const made: number[] = [];
        for (const key of keys) {
          const outcome = await store.saveTemplate(template({ name: key }), null, { ...mark, key });
          made.push(outcome.kind === 'saved' ? outcome.value.id : -1);
          // The stores tell milliseconds apart.
          for (const sinceMs = Date.now(); Date.now() < sinceMs + 3; ) await new Promise(setImmediate);
        }
        await reopen();
        expect(await store.forgetMarks(HOUR_MS, 10)).toBe(0);
        expect(await store.forgetMarks(0, 1)).toBe(1);
        const again = async (key: string) =>
          store.saveTemplate(template({ name: `${key} again` }), null, { ...mark, key, fingerprint: 'g' });
        expect(await again('b')).toEqual({ kind: 'repeated', id: made[1], same: false });
        expect(await again('a')).toMatchObject({ kind: 'saved' });
        expect(await again('a')).toMatchObject({ kind: 'repeated', same: true });
        expect(await store.forgetMarks(0, 10)).toBe(3);
        expect(await store.forgetMarks(0, 10)).toBe(0);
        expect(await again('c')).toMatchObject({ kind: 'saved' });
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
