import { expect, test } from 'vitest';
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { MIGRATIONS } from '../../src/records/mysql/schema.ts';
import { newDatabase } from '../services/mysql.ts';
import { query } from '../support/rows.ts';
import { catalogEventsContract } from './catalog-events-contract.ts';
import { CatalogStage } from './catalog-stage.ts';

async function makeOld(url: string): Promise<void> {
  await query(url, 'DROP TABLE catalog_events');
  await query(url, 'DROP TABLE event_subjects');
  await query(url, `DELETE FROM schema_migrations WHERE version > ${MIGRATIONS.length - 2}`);
}

catalogEventsContract('MySQL', async () => {
  const database = await newDatabase();
  return {
    open: () => openMysqlStore(database.url),
    another: () => openMysqlStore(database.url),
    makeOld: () => makeOld(database.url),
    dispose: () => database.drop(),
  };
});

test('a migration that was cut off is gone on with', async () => {
  const database = await newDatabase();
  const before = await openMysqlStore(database.url);
  const templates = [];
  for (let i = 0; i < 3; i++) templates.push(await new CatalogStage(before).template());
  await before.close();
  await query(database.url, 'DELETE FROM catalog_events');
  await query(database.url, `DELETE FROM event_subjects WHERE subject_id > ${templates[0]!.id}`);
  await query(database.url, `DELETE FROM schema_migrations WHERE version > ${MIGRATIONS.length - 2}`);
  const store = await openMysqlStore(database.url);
  expect(await new CatalogStage(store).told()).toEqual([]);
  expect(await query(database.url, 'SELECT COUNT(*) AS n FROM event_subjects')).toEqual([{ n: '3' }]);
  await store.close();
  await database.drop();
});

test('what a node of an older version did meanwhile is told, or adopted, by the next one that starts', async () => {
  const database = await newDatabase();
  const first = await openMysqlStore(database.url);
  const stage = new CatalogStage(first);
  const known = await stage.template();
  // The old one saves without a word of it.
  const disabled = JSON.stringify({ ...known, status: 'disabled', version: 2 });
  await query(
    database.url,
    `UPDATE templates SET status = 'disabled', body = '${disabled}' WHERE id = ${known.id}`,
  );
  const unknown = await stage.template();
  for (const table of ['catalog_events', 'event_subjects'])
    await query(database.url, `DELETE FROM ${table} WHERE subject_id = ${unknown.id}`);
  const next = await openMysqlStore(database.url);
  expect(await stage.namesOf('template', known.id)).toEqual(['1 template_published', '2 template_disabled']);
  expect(await stage.namesOf('template', unknown.id)).toEqual([]);
  await stage.change(unknown, { status: 'disabled' });
  expect(await stage.namesOf('template', unknown.id)).toEqual(['1 template_disabled']);
  await first.close();
  await next.close();
  await database.drop();
});
