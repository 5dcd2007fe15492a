/**
 * Saves of templates and activities. Each holds the one row of catalog_sequence from its first statement on, so saves
 * happen one after the other and may look before they write.
 */
import type { Activity, CodeExtent, Template } from '../../domain/template.ts';
import { nameKey } from '../../domain/template-name.ts';
import type { ExtentRequest, IdempotencyMark, SaveOutcome, Versioned } from '../../ports.ts';
import { tellActivitySaved, tellTemplateSaved } from '../catalog-events/tell-saves.ts';
import { PATTERN_SPACES, type Reservation, rivalOf, type SpaceInUse } from '../code-rivals.ts';
import { MYSQL, within } from '../redemptions/mysql-steps.ts';
import { areSame, judgeVersion } from '../versions.ts';
import { bodyOf, readActivities, readExtents } from './catalog-reads.ts';
import type { MysqlPool } from './pool.ts';
import type { Session, Value } from './session.ts';

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
  activities: readonly Versioned[] | null,
): Promise<SaveOutcome<Template>> {
  return save(pool, 'templates', template, extent, mark, async (session, counters, stored) => {
    if (activities !== null) {
      const standing = await readActivities(session, 'WHERE template_id = ?', [template.id]);
      if (!areSame(standing, activities)) return { kind: 'changed' };
    }
    const { name, status } = template;
    const liveName = status === 'deleted' ? null : nameKey(name);
    const isNamed = name !== stored?.name || liveName === null;
    if (isNamed && liveName !== null) {
      const [namesake] = await session.rows('SELECT id FROM templates WHERE live_name = ? AND id <> ?', [
        liveName,
        template.id,
      ]);
      if (namesake !== undefined) return { kind: 'name_taken' };
    }
    const id = template.id || counters.lastTemplateId + 1;
    const values = [status, counters.sequence, JSON.stringify({ ...template, id })];
    if (template.id === 0) {
      await session.run('UPDATE catalog_sequence SET last_template_id = ? WHERE id = 1', [id]);
      const columns = 'live_name, status, sequence, body, id';
      await session.run(`INSERT INTO templates (${columns}) VALUES (?, ?, ?, ?, ?)`, [
        liveName,
        ...values,
        id,
      ]);
    } else {
      const set = 'status = ?, sequence = ?, body = ?';
      await session.run(`UPDATE templates SET ${set} WHERE id = ?`, [...values, id]);
      if (isNamed) await session.run('UPDATE templates SET live_name = ? WHERE id = ?', [liveName, id]);
    }
    const value = { ...template, id };
    let reserved: CodeExtent | null = null;
    if (extent !== null) {
      const outcome = await reserve(session, id, extent, counters.sequence);
      if (outcome.kind !== 'reserved') return outcome;
      reserved = outcome.extent;
    }
    await within(session, tellTemplateSaved(MYSQL, stored, value));
    return { kind: 'saved', value, extent: reserved };
  });
}

/** See RecordStore: many new templates under one sequence, in two statements. */
export function addTemplates(pool: MysqlPool, templates: readonly Template[]): Promise<(number | null)[]> {
  return pool.transaction(
    async (session, repeated) => {
      if (templates.length === 0) return [];
      const { sequence, lastTemplateId } = await lockCounters(session);
      const names = templates.map(({ name }) => nameKey(name));
      const taken = await liveNames(session, names);
      let last = lastTemplateId;
      const rows: Value[] = [];
      const ids = templates.map((template, i) => {
        const name = names[i]!;
        const stored = taken.get(name);
        taken.set(name, null);
        // What the first attempt did, whose answer was lost, is this one's.
        if (repeated && stored != null && judgeVersion(stored, { ...template, id: stored.id }) === 'same')
          return stored.id;
        if (stored !== undefined) return null;
        const id = ++last;
        rows.push(name, template.status, sequence, JSON.stringify({ ...template, id }), id);
        return id;
      });
      if (rows.length === 0) return ids;
      const set = 'sequence = ?, last_template_id = ?';
      await session.run(`UPDATE catalog_sequence SET ${set} WHERE id = 1`, [sequence, last]);
      const columns = 'live_name, status, sequence, body, id';
      const places = Array.from({ length: rows.length / 5 }, () => '(?, ?, ?, ?, ?)').join(', ');
      await session.run(`INSERT INTO templates (${columns}) VALUES ${places}`, rows);
      return ids;
    },
    { mayRepeat: true },
  );
}

export function saveActivity(
  pool: MysqlPool,
  activity: Activity,
  mark: IdempotencyMark | null,
  templateVersion: number | null,
): Promise<SaveOutcome<Activity>> {
  return save(pool, 'activities', activity, null, mark, async (session, counters, stored) => {
    if (templateVersion !== null) {
      const template = await readBody<Template>(session, 'templates', activity.templateId);
      if (template?.version !== templateVersion) return { kind: 'changed' };
    }
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
    const value = { ...activity, id };
    await within(session, tellActivitySaved(MYSQL, stored, value));
    return { kind: 'saved', value, extent: null };
  });
}

/** What both have in common: the mark, the version, the sequence, and an answer that was lost. */
function save<T extends Template | Activity>(
  pool: MysqlPool,
  table: Table,
  given: T,
  extent: ExtentRequest | null,
  mark: IdempotencyMark | null,
  write: (session: Session, counters: Counters, stored: T | null) => Promise<SaveOutcome<T>>,
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
      const stored = given.id === 0 ? null : await readBody<T>(session, table, given.id);
      if (given.id !== 0) {
        const found = judgeVersion(stored, given);
        if (found === 'changed') return { kind: 'changed' };
        if (found === 'same') {
          await keepMark(session, mark, given.id);
          if (repeated) return savedBefore(session, table, given.id, extent);
          return { kind: 'saved', value: given, extent: null };
        }
      }
      await session.run('UPDATE catalog_sequence SET sequence = ? WHERE id = 1', [counters.sequence]);
      const outcome = await write(session, counters, stored);
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

/** Templates by name (key), of these names; null once it is given to one of a list. */
async function liveNames(session: Session, names: readonly string[]): Promise<Map<string, Template | null>> {
  const places = names.map(() => '?').join(', ');
  const rows = await session.rows(
    `SELECT id, body, live_name FROM templates WHERE live_name IN (${places})`,
    names,
  );
  return new Map(rows.map(([id, body, name]) => [String(name), bodyOf<Template>([id!, body!])]));
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

/** See MarkStore. */
export async function forgetMarks(pool: MysqlPool, ageMs: number, limit: number): Promise<number> {
  const sql = `DELETE FROM idempotency_marks WHERE kept_at <= CURRENT_TIMESTAMP(3) - INTERVAL ? MICROSECOND
    ORDER BY kept_at, scope, mark LIMIT ?`;
  return (await pool.withSession((session) => session.run(sql, [ageMs * 1000, limit]))).matched;
}

async function reserve(
  session: Session,
  templateId: number,
  request: ExtentRequest,
  sequence: number,
): Promise<Reservation> {
  const { firstSerial, length } = request;
  const inUse = await readPatternSpaces(session);
  let rival: SpaceInUse | null = null;
  for (const { space, size } of request.spaces) {
    const found = rivalOf(space, inUse);
    rival ??= found;
    if (found !== null) continue;
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
    return { kind: 'reserved', extent: { templateId, firstSerial, length, space, offset } };
  }
  return rival === null
    ? { kind: 'code_space_full' }
    : { kind: 'codes_overlap', templateId: rival.templateId };
}

async function readPatternSpaces(session: Session): Promise<SpaceInUse[]> {
  const sql = `SELECT space, MIN(template_id) FROM code_extents WHERE ${PATTERN_SPACES} GROUP BY space`;
  return (await session.rows(sql)).map(([space, templateId]) => ({
    space: String(space),
    templateId: Number(templateId),
  }));
}
