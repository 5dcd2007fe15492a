/** What every store must tell of templates and activities, whatever the database, and whoever races. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { POSITION_START, parsePosition } from '../../src/domain/event-position.ts';
import { until } from '../support/wait.ts';
import { CatalogStage, type CatalogStore } from './catalog-stage.ts';

export interface CatalogHome {
  open(): Promise<CatalogStore>;
  /** As another node has it; the same one where there is only one. */
  another(store: CatalogStore): Promise<CatalogStore>;
  /** Makes it what a version left that knew nothing of these events; nobody has it open. */
  makeOld(): Promise<void>;
  dispose(): Promise<void>;
}

const DAY_MS = 86_400_000;

export function catalogEventsContract(name: string, newHome: () => Promise<CatalogHome>): void {
  describe(`events of templates and activities in ${name}`, () => {
    let home: CatalogHome;
    let stores: CatalogStore[];
    let stage: CatalogStage;
    const another = async (): Promise<CatalogStore> => {
      const other = await home.another(stage.store);
      if (other !== stage.store) stores.push(other);
      return other;
    };

    beforeEach(async () => {
      home = await newHome();
      stores = [await home.open()];
      stage = new CatalogStage(stores[0]!);
    });

    afterEach(async () => {
      for (const store of stores) await store.close();
      await home.dispose();
    });

    test('a draft is nothing to tell of; published, disabled, published, deleted', async () => {
      let template = await stage.template({ status: 'draft', publishedAtMs: null });
      template = await stage.change(template, { name: 'renamed' });
      expect(await stage.told()).toEqual([]);
      const fromMs = Date.now();
      template = await stage.change(template, { status: 'published', publishedAtMs: fromMs });
      template = await stage.change(template, { intro: 'no change of state' });
      template = await stage.change(template, { status: 'disabled' });
      template = await stage.change(template, { status: 'published' });
      await stage.change(template, { status: 'deleted' });
      const told = await stage.told();
      const common = { subject: 'template', templateId: template.id, activityId: null, stock: null };
      expect(told).toMatchObject([
        { ...common, sequence: 1, kind: 'template_published' },
        { ...common, sequence: 2, kind: 'template_disabled' },
        { ...common, sequence: 3, kind: 'template_published' },
        { ...common, sequence: 4, kind: 'template_ended' },
      ]);
      for (const { atMs } of told) expect(Math.abs(atMs - fromMs)).toBeLessThan(60_000);
    });

    test('a draft that is deleted was never anything', async () => {
      const draft = await stage.template({ status: 'draft', publishedAtMs: null });
      await stage.change(draft, { status: 'deleted' });
      expect(await stage.told()).toEqual([]);
    });

    test('a save that is refused tells nothing, and one that is repeated nothing again', async () => {
      const template = await stage.template();
      const stale = { ...template, status: 'disabled' as const };
      expect((await stage.store.saveTemplate({ ...stale, version: 5 }, null, null)).kind).toBe('changed');
      const full = { firstSerial: 0, length: 10, spaces: [{ space: '0703101112', size: 5 }] };
      expect((await stage.store.saveTemplate({ ...stale, version: 2 }, full, null)).kind).toBe(
        'code_space_full',
      );
      expect(await stage.namesOf('template', template.id)).toEqual(['1 template_published']);
      const disabled = await stage.change(template, { status: 'disabled' });
      expect((await stage.store.saveTemplate(disabled, null, null)).kind).toBe('saved');
      expect(await stage.namesOf('template', template.id)).toEqual([
        '1 template_published',
        '2 template_disabled',
      ]);
    });

    test('a template is over at its time, and that is told once however many look', async () => {
      const claimUntilMs = Date.now() + 1_500;
      const { id } = await stage.template({ claimUntilMs });
      const later = await stage.template({ claimUntilMs: Date.now() + DAY_MS });
      const validity = { fromMs: 1, untilMs: claimUntilMs };
      const byValidity = await stage.template({ validity, claimUntilMs: Date.now() + DAY_MS });
      expect(await stage.store.events.tellDue(10)).toEqual({ events: 0, more: false });
      const other = await another();
      let events = 0;
      await until(async () => {
        const told = await Promise.all(
          [stage.store, other, stage.store].map((one) => one.events.tellDue(10)),
        );
        for (const one of told) events += one.events;
        return events >= 2;
      }, 'both are told');
      expect(events).toBe(2);
      expect(await stage.store.events.tellDue(10)).toEqual({ events: 0, more: false });
      for (const one of [id, byValidity.id]) {
        const told = (await stage.told()).filter(({ templateId }) => templateId === one);
        expect(told).toMatchObject([
          { sequence: 1, kind: 'template_published' },
          { sequence: 2, kind: 'template_ended', atMs: claimUntilMs },
        ]);
      }
      expect(await stage.namesOf('template', later.id)).toEqual(['1 template_published']);
    });

    test('one that is over and gets more time is published again, or disabled as it was', async () => {
      const past = { claimUntilMs: Date.now() - 1_000 };
      let published = await stage.template(past);
      expect(await stage.namesOf('template', published.id)).toEqual([
        '1 template_published',
        '2 template_ended',
      ]);
      published = await stage.change(published, { claimUntilMs: Date.now() + DAY_MS });
      let disabled = await stage.template();
      disabled = await stage.change(disabled, { status: 'disabled' });
      disabled = await stage.change(disabled, past);
      disabled = await stage.change(disabled, { claimUntilMs: null });
      expect((await stage.namesOf('template', published.id)).slice(2)).toEqual(['3 template_published']);
      expect(await stage.namesOf('template', disabled.id)).toEqual([
        '1 template_published',
        '2 template_disabled',
        '3 template_ended',
        '4 template_disabled',
      ]);
    });

    test('what the clock brought before a change is told before it, as of its time', async () => {
      const claimUntilMs = Date.now() + 50;
      const template = await stage.template({ claimUntilMs });
      await until(() => Date.now() > claimUntilMs + 50, 'it is over');
      await stage.change(template, { status: 'disabled', claimUntilMs: null });
      expect(await stage.told()).toMatchObject([
        { kind: 'template_published' },
        { kind: 'template_ended', atMs: claimUntilMs },
        { kind: 'template_disabled' },
      ]);
    });

    test('an activity starts and ends at its times', async () => {
      const template = await stage.template();
      const startsAtMs = Date.now() + 1_000;
      const endsAtMs = startsAtMs + 200;
      const { id } = await stage.activity(template.id, { startsAtMs, endsAtMs });
      expect(await stage.namesOf('activity', id)).toEqual([]);
      await until(async () => {
        await stage.store.events.tellDue(10);
        return (await stage.namesOf('activity', id)).length === 2;
      }, 'it has ended');
      expect((await stage.told()).slice(1)).toEqual([
        {
          subject: 'activity',
          templateId: template.id,
          activityId: id,
          sequence: 1,
          kind: 'activity_started',
          atMs: startsAtMs,
          stock: null,
        },
        expect.objectContaining({ sequence: 2, kind: 'activity_ended', atMs: endsAtMs }),
      ]);
    });

    test('one that is stopped ends then; before its start it never started', async () => {
      const template = await stage.template();
      const times = { startsAtMs: Date.now() - 1_000, endsAtMs: Date.now() + DAY_MS };
      const running = await stage.activity(template.id, times);
      const coming = await stage.activity(template.id, { ...times, startsAtMs: Date.now() + 1_000_000 });
      await stage.changeActivity(running, { status: 'stopped' });
      await stage.changeActivity(coming, { status: 'stopped' });
      expect(await stage.namesOf('activity', running.id)).toEqual(['1 activity_started', '2 activity_ended']);
      expect(await stage.namesOf('activity', coming.id)).toEqual(['1 activity_ended']);
    });

    test('one whose start is put off starts again', async () => {
      const template = await stage.template();
      const running = await stage.activity(template.id, {
        startsAtMs: Date.now() - 1_000,
        endsAtMs: Date.now() + DAY_MS,
      });
      const putOff = await stage.changeActivity(running, { startsAtMs: Date.now() + 1_000_000 });
      await stage.store.events.tellDue(10);
      expect(await stage.namesOf('activity', running.id)).toEqual(['1 activity_started']);
      await stage.changeActivity(putOff, { startsAtMs: Date.now() - 10 });
      expect(await stage.namesOf('activity', running.id)).toEqual([
        '1 activity_started',
        '2 activity_started',
      ]);
    });

    test('sold out is told once, and again only after it was enlarged', async () => {
      const template = await stage.template();
      let rush = await stage.activity(template.id, { startsAtMs: 1, endsAtMs: Date.now() + DAY_MS });
      const nodes = [stage, new CatalogStage(await another())];
      const all = await Promise.all([...nodes, ...nodes].map((node) => node.soldOut(rush)));
      expect(all).toEqual([true, true, true, true]);
      expect(await stage.soldOut(rush)).toBe(true);
      // While it is enlarged nobody knows what sold out means.
      rush = await stage.changeActivity(rush, { askedStock: 20 });
      expect(await stage.soldOut({ ...rush, stock: 20 })).toBe(false);
      const { askedStock: _, ...done } = rush;
      rush = await stage.changeActivity(done, { stock: 20 });
      expect(await stage.soldOut({ ...rush, stock: 15 })).toBe(false);
      expect(await stage.soldOut(rush)).toBe(true);
      expect(await stage.namesOf('activity', rush.id)).toEqual([
        '1 activity_started',
        '2 activity_sold_out 10',
        '3 activity_sold_out 20',
      ]);
    });

    test('a sale that was over before anybody looked began all the same', async () => {
      const template = await stage.template();
      const startsAtMs = Date.now() + 100;
      const rush = await stage.activity(template.id, { startsAtMs, endsAtMs: startsAtMs + 50 });
      // By a clock that is ahead it may even be sold out before its start.
      const early = await stage.activity(template.id, {
        startsAtMs: Date.now() + DAY_MS,
        endsAtMs: Date.now() + 2 * DAY_MS,
      });
      expect(await stage.soldOut(early)).toBe(true);
      await stage.store.events.tellDue(10);
      await until(() => Date.now() > startsAtMs + 100, 'it is over');
      expect(await stage.soldOut(rush)).toBe(true);
      expect(await stage.namesOf('activity', rush.id)).toEqual([
        '1 activity_started',
        '2 activity_ended',
        '3 activity_sold_out 10',
      ]);
      expect(await stage.namesOf('activity', early.id)).toEqual([
        '1 activity_started',
        '2 activity_sold_out 10',
      ]);
    });

    test('codes that are ready are told once for each addition', async () => {
      const draft = await stage.template({ status: 'draft', publishedAtMs: null, total: 100 });
      expect(await stage.ready(draft.id, 100)).toBe(false);
      expect(await stage.ready(999, 100)).toBe(false);
      let template = await stage.change(draft, { status: 'published', publishedAtMs: 1 });
      const other = new CatalogStage(await another());
      await Promise.all([stage.ready(draft.id, 100), other.ready(draft.id, 100)]);
      template = await stage.change(template, { total: 150 });
      expect(await other.ready(draft.id, 150)).toBe(true);
      expect(await stage.ready(draft.id, 100)).toBe(true);
      expect(await stage.namesOf('template', draft.id)).toEqual([
        '1 template_published',
        '2 codes_ready 100',
        '3 codes_ready 150',
      ]);
      const several = await stage.store.events.tellStock([
        { subject: 'template', id: draft.id, stock: 150 },
        { subject: 'activity', id: 77, stock: 1 },
        { subject: 'template', id: template.id + 1, stock: 151 },
      ]);
      expect(several).toEqual([true, false, false]);
    });

    test('saves and clocks of several nodes that race tell each thing once, in order', async () => {
      const nodes = [stage, new CatalogStage(await another()), new CatalogStage(await another())];
      const endsAtMs = Date.now() + 2_500;
      const template = await stage.template({ claimUntilMs: endsAtMs });
      const rushes = await Promise.all(
        nodes.map((node, i) =>
          node.activity(template.id, { startsAtMs: endsAtMs - 1_500 + 100 * i, endsAtMs }),
        ),
      );
      const race = async (node: CatalogStage, i: number): Promise<void> => {
        let toggled = template;
        while (Date.now() < endsAtMs + 300) {
          await node.store.events.tellDue(10);
          for (const rush of rushes) await node.soldOut(rush);
          if (i === 0 && Date.now() < endsAtMs - 100)
            toggled = await node.change(toggled, {
              status: toggled.status === 'published' ? 'disabled' : 'published',
            });
          if (i === 1 && Date.now() > endsAtMs && rushes[0]!.status === 'active')
            rushes[0] = await node.changeActivity(rushes[0]!, { status: 'stopped' });
        }
      };
      await Promise.all(nodes.map(race));
      for (const { id } of rushes) {
        const names = (await stage.namesOf('activity', id)).map((one) => one.split(' ')[1]);
        expect(names.slice(0, 2)).toEqual(['activity_started', 'activity_sold_out']);
        expect(names.slice(2)).toEqual(['activity_ended']);
      }
      const told = (await stage.told()).filter(({ activityId }) => activityId === null);
      expect(told.map(({ sequence }) => sequence)).toEqual(told.map((_, i) => i + 1));
      told.slice(0, -1).forEach(({ kind }, i) => {
        expect(kind).toBe(i % 2 === 0 ? 'template_published' : 'template_disabled');
      });
      expect(told.at(-1)).toMatchObject({ kind: 'template_ended', atMs: endsAtMs });
      expect(told.length).toBeGreaterThan(3);
    });

    test('positions of before go on with all of them, and the end is behind them', async () => {
      for (let i = 0; i < 7; i++) await stage.template();
      const { store } = stage;
      expect(await stage.told('0-0')).toHaveLength(7);
      const end = await store.events.end();
      expect(parsePosition(end)).toMatchObject({ event: 0, block: 0, catalog: 7 });
      expect(await stage.told(end)).toEqual([]);
      await stage.template();
      expect(await stage.told(end)).toHaveLength(1);
      expect(await stage.told(await store.events.before(end, 3))).toHaveLength(4);
      expect(await store.events.read(POSITION_START, 3)).toMatchObject({ next: '0-0-3', more: true });
    });

    test('what an older version has stored begins with what comes next', async () => {
      const old = await stage.template({ total: 100, claimUntilMs: Date.now() + DAY_MS });
      const gone = await stage.template({ claimUntilMs: Date.now() - DAY_MS });
      const times = { startsAtMs: 1, endsAtMs: Date.now() + DAY_MS };
      const rush = await stage.activity(old.id, times);
      const over = await stage.activity(old.id, { ...times, endsAtMs: 2 });
      await stage.store.close();
      await home.makeOld();
      stores = [await home.open()];
      const node = new CatalogStage(stores[0]!);
      expect(await node.store.events.tellDue(10)).toEqual({ events: 0, more: false });
      expect(await node.ready(old.id, 100)).toBe(true);
      expect(await node.soldOut(over)).toBe(true);
      expect(await node.told()).toEqual([]);
      await node.change(old, { status: 'disabled' });
      expect(await node.namesOf('template', old.id)).toEqual(['1 template_disabled']);
      expect(await node.soldOut(rush)).toBe(true);
      await node.changeActivity(rush, { status: 'stopped' });
      expect(await node.namesOf('activity', rush.id)).toEqual(['1 activity_sold_out 10', '2 activity_ended']);
      await node.change(gone, { claimUntilMs: null });
      expect(await node.namesOf('template', gone.id)).toEqual(['1 template_published']);
    });
  });
}
