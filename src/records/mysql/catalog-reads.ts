/** Templates, activities and code extents as they are stored. */
import type { Activity, CodeExtent, Template } from '../../domain/template.ts';
import type { CatalogChanges } from '../../ports-cluster.ts';
import type { MysqlPool } from './pool.ts';
import type { Cell, Session, Value } from './session.ts';

const EXTENT_COLUMNS = 'template_id, first_serial, units, space, first_place';

export async function readTemplates(session: Session, where = '', values: Value[] = []): Promise<Template[]> {
  const rows = await session.rows(`SELECT id, body FROM templates ${where} ORDER BY id`, values);
  return rows.map(bodyOf<Template>);
}

export async function readActivities(
  session: Session,
  where = '',
  values: Value[] = [],
): Promise<Activity[]> {
  const rows = await session.rows(`SELECT id, body FROM activities ${where} ORDER BY id`, values);
  return rows.map(bodyOf<Activity>);
}

export async function readExtents(session: Session, where = '', values: Value[] = []): Promise<CodeExtent[]> {
  const sql = `SELECT ${EXTENT_COLUMNS} FROM code_extents ${where} ORDER BY space, first_place`;
  const rows = await session.rows(sql, values);
  return rows.map(([templateId, firstSerial, length, space, offset]) => ({
    templateId: Number(templateId),
    firstSerial: Number(firstSerial),
    length: Number(length),
    space: String(space),
    offset: Number(offset),
  }));
}

export function bodyOf<T>([id, body]: Cell[]): T {
  return { ...(JSON.parse(String(body)) as T), id: Number(id) };
}

/** One moment's view: every save up to `sequence` is in it, because saves commit in the order of their sequences. */
export async function changesSince(pool: MysqlPool, since: number): Promise<CatalogChanges> {
  const sequence = await pool.read(readSequence);
  // Asked again and again, and nearly always nothing has happened.
  if (sequence === since) return { sequence, templates: [], activities: [], extents: [] };
  return pool.transaction(
    async (session) => ({
      sequence: await readSequence(session),
      templates: await readTemplates(session, 'WHERE sequence > ?', [since]),
      activities: await readActivities(session, 'WHERE sequence > ?', [since]),
      extents: await readExtents(session, 'WHERE sequence > ?', [since]),
    }),
    { snapshot: true, mayRepeat: true },
  );
}

async function readSequence(session: Session): Promise<number> {
  return Number((await session.row('SELECT sequence FROM catalog_sequence WHERE id = 1'))?.[0]);
}
