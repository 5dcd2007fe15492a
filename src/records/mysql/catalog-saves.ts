/**
 * Saves of templates and activities. Each holds the one row of catalog_sequence from its first statement on, so saves
 * happen one after the other and may look before they write.
 */
import type { Activity, CodeExtent, Template } from '../../domain/template.ts';
import type { ExtentRequest, IdempotencyMark, SaveOutcome } from '../../ports.ts';
import { judgeVersion } from '../versions.ts';
import { bodyOf, readExtents } from './catalog-reads.ts';
import type { MysqlPool } from './pool.ts';
import type { Session } from './session.ts';

interface Counters {
  readonly sequence: number;
  readonly lastTemplateId: number;
  readonly lastActivityId: number;
}

type Table = 'templates' | 'activities';

export function saveTemplate(
  pool: MysqlPool,
  template: Template,
  extent: ExtentRequest | null,
  mark: IdempotencyMark | null,
): Promise<SaveOutcome<Template>> {
  return save(pool, 'templates', template, extent, mark, async (session, counters) => {
    const { name, status } = template;
    const liveName = status === 'deleted' ? null : name;
    if (liveName !== null) {
      const [namesake] = await session.rows('SELECT id FROM templates WHERE live_name = ? AND id <> ?', [
        liveName,
        template.id,
      ]);
      if (namesake !== undefined) return { kind: 'name_taken' };
    }
    const id = template.id || counters.lastTemplateId + 1;
    const values = [liveName, status, counters.sequence, JSON.stringify({ ...template, id })];
    if (template.id === 0) {
      await session.run('UPDATE catalog_sequence SET last_template_id = ? WHERE id = 1', [id]);
      const columns = 'live_name, status, sequence, body, id';
      await session.run(`INSERT INTO templates (${columns}) VALUES (?, ?, ?, ?, ?)`, [...values, id]);
    } else {
      const set = 'live_name = ?, status = ?, sequence = ?, body = ?';
      await session.run(`UPDATE templates SET ${set} WHERE id = ?`, [...values, id]);
    }
    const reserved = extent && (await reserve(session, id, extent, counters.sequence));
    if (extent !== null && reserved === null) return { kind: 'code_space_full' };
    return { kind: 'saved', value: { ...template, id }, extent: reserved };
  });
}

export function saveActivity(
  pool: MysqlPool,
  activity: Activity,
  mark: IdempotencyMark | null,
): Promise<SaveOutcome<Activity>> {
  return save(pool, 'activities', activity, null, mark, async (session, counters) => {
    const id = activity.id || counters.lastActivityId + 1;
    const values = [activity.templateId, counters.sequence, JSON.stringify({ ...activity, id })];
    if (activity.id === 0) {
      await session.run('UPDATE catalog_sequence SET last_activity_id = ? WHERE id = 1', [id]);
      const columns = 'template_id, sequence, body, id';
      await session.run(`INSERT INTO activities (${columns}) VALUES (?, ?, ?, ?)`, [...values, id]);
    } else {
      const set = 'template_id = ?, sequence = ?, body = ?';
      await session.run(`UPDATE activities SET ${set} WHERE id = ?`, [...values, id]);
    }
    return { kind: 'saved', value: { ...activity, id }, extent: null };
  });
}

/** What both have in common: the mark, the version, the sequence, and an answer that was lost. */
function save<T extends Template | Activity>(
  pool: MysqlPool,
  table: Table,
  given: T,
  extent: ExtentRequest | null,
  mark: IdempotencyMark | null,
  write: (session: Session, counters: Counters) => Promise<SaveOutcome<T>>,
): Promise<SaveOutcome<T>> {
  return pool.transaction<SaveOutcome<T>>(
    async (session, repeated) => {
      const counters = await lockCounters(session);
      const known = mark && (await readMark(session, mark));
      if (known !== null) {
        // The first attempt, whose answer was lost, did what was asked: this is its answer.
        if (repeated && known.same) return savedBefore(session, table, known.id, extent);
        return { kind: 'repeated', ...known };
      }
      if (given.id !== 0) {
        const found = judgeVersion(await readBody<T>(session, table, given.id), given);
        if (found === 'changed') return { kind: 'changed' };
        if (found === 'same') {
          await keepMark(session, mark, given.id);
          if (repeated) return savedBefore(session, table, given.id, extent);
          return { kind: 'saved', value: given, extent: null };
        }
      }
      await session.run('UPDATE catalog_sequence SET sequence = ? WHERE id = 1', [counters.sequence]);
      const outcome = await write(session, counters);
      if (outcome.kind === 'saved') await keepMark(session, mark, outcome.value.id);
      return outcome;
    },
    // Without a mark, a second create would find its own name taken.
    { mayRepeat: mark !== null || given.id !== 0, keeps: ({ kind }) => kind === 'saved' },
  );
}

/** The sequence of this save, and the ids given out; nobody else saves until the transaction ends. */
async function lockCounters(session: Session): Promise<Counters> {
  const sql =
    'SELECT sequence, last_template_id, last_activity_id FROM catalog_sequence WHERE id = 1 FOR UPDATE';
  const [sequence, lastTemplateId, lastActivityId] = (await session.row(sql))!.map(Number);
  return { sequence: sequence + 1, lastTemplateId, lastActivityId };
}

async function savedBefore<T extends Template | Activity>(
  session: Session,
  table: Table,
  id: number,
  request: ExtentRequest | null,
): Promise<SaveOutcome<T>> {
  const value = (await readBody<T>(session, table, id))!;
  if (request === null) return { kind: 'saved', value, extent: null };
  const where = 'WHERE template_id = ? AND first_serial = ?';
  const [extent = null] = await readExtents(session, where, [id, request.firstSerial]);
  return { kind: 'saved', value, extent };
}

async function readBody<T>(session: Session, table: Table, id: number): Promise<T | null> {
  const row = await session.row(`SELECT id, body FROM ${table} WHERE id = ?`, [id]);
  return row === undefined ? null : bodyOf<T>(row);
}

async function readMark(
  session: Session,
  { scope, key, fingerprint }: IdempotencyMark,
): Promise<{ id: number; same: boolean } | null> {
  const sql = 'SELECT entity_id, fingerprint = ? FROM idempotency_marks WHERE scope = ? AND mark = ?';
  const row = await session.row(sql, [fingerprint, scope, key]);
  return row === undefined ? null : { id: Number(row[0]), same: Number(row[1]) === 1 };
}

async function keepMark(session: Session, mark: IdempotencyMark | null, id: number): Promise<void> {
  if (mark === null) return;
  const sql = 'INSERT INTO idempotency_marks (scope, mark, fingerprint, entity_id) VALUES (?, ?, ?, ?)';
  await session.run(sql, [mark.scope, mark.key, mark.fingerprint, id]);
}

async function reserve(
  session: Session,
  templateId: number,
  request: ExtentRequest,
  sequence: number,
): Promise<CodeExtent | null> {
  const { firstSerial, length } = request;
  for (const { space, size } of request.spaces) {
    const sql = 'SELECT MAX(first_place + units) FROM code_extents WHERE space = ?';
    const offset = Number((await session.row(sql, [space]))?.[0] ?? 0);
    if (offset + length > size) continue;
    const columns = 'space, first_place, units, template_id, first_serial, sequence';
    await session.run(`INSERT INTO code_extents (${columns}) VALUES (?, ?, ?, ?, ?, ?)`, [
      space,
      offset,
      length,
      templateId,
      firstSerial,
      sequence,
    ]);
    return { templateId, firstSerial, length, space, offset };
  }
  return null;
}
