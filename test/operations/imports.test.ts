import { afterEach, beforeEach, expect, test } from 'vitest';
import { importChecks } from '../../src/http/import-route.ts';
import { IMPORTS_MAX } from '../../src/limits.ts';
import { Imports } from '../../src/operations/imports.ts';
import { importOptions } from '../catalog/bodies.ts';
import { CatalogStage } from './catalog-stage.ts';

let stage: CatalogStage;

beforeEach(async () => {
  stage = await CatalogStage.open();
});
afterEach(() => stage.close());

test('so many imports run at once and no more, and one that fails makes room again', async () => {
  const imports = new Imports(stage.catalog, importChecks);
  const file = (id: number) => Buffer.from(`id,rule\n${id},150:20\n`);
  const run = (id: number) => imports.run(file(id), importOptions());
  for (const round of [1, 2]) {
    const ids = Array.from({ length: IMPORTS_MAX + 1 }, (_, i) => round * 100 + i);
    const told = await Promise.all(ids.map(run));
    const refused = told.filter((one) => !one.ok);
    expect(refused).toMatchObject([{ problem: { code: 'overloaded' } }]);
    expect(told.at(-1)).toBe(refused[0]);
    // Also one that is refused, or breaks.
    expect(await imports.run(Buffer.from('nothing\n'), importOptions())).toMatchObject({ ok: false });
  }
  await stage.close();
  for (let i = 0; i <= IMPORTS_MAX; i++) await expect(run(900 + i)).rejects.toThrow();
  stage = await CatalogStage.open();
});
