/**
 * `event_subjects` has a row for each template that was ever published and each activity that was ever opened: what was
 * told of it, up to which number. Rows and events are written under the catalog's lock only, in the transaction of what
 * they tell of; so whoever has the lock may look before it writes, and each event is written once.
 */
import {
  CATALOG_EVENT_KINDS,
  CATALOG_SUBJECTS,
  type CatalogEventKind,
  type CatalogSubject,
  PHASES,
  type Phase,
} from '../../domain/lifecycle.ts';
import type { Activity, Template } from '../../domain/template.ts';
import { type Cell, type Dialect, row, rows, run, type Steps, type Value } from '../redemptions/steps.ts';

export interface SubjectRow {
  readonly subject: CatalogSubject;
  readonly id: number;
  readonly templateId: number;
  /** Of its last event; 0: there is none. */
  readonly sequence: number;
  /** What it was before its first event. */
  readonly beganAs: Phase;
  readonly phase: Phase;
  /** Of its last event. */
  readonly toldAtMs: number;
  /** Units told of: ready to be claimed, or sold out. */
  readonly stock: number;
  readonly dueAtMs: number | null;
  /** It has no row yet. */
  readonly isNew: boolean;
}

export interface NewEvent {
  readonly kind: CatalogEventKind;
  readonly atMs: number;
  readonly stock?: number;
}

const COLUMNS = 'subject, subject_id, template_id, sequence, began_as, phase, told_at, stock, due_at';

/** Nobody else saves templates or activities, or tells of them, until the transaction ends. */
export function* lockCatalog({ catalogLock }: Dialect): Steps<void> {
  if (catalogLock !== null) yield* rows(catalogLock);
}

/** Its row, and what time it is by the database's clock: in one statement, for a save waits for it. */
export function* readSubject(
  { nowMs }: Dialect,
  subject: CatalogSubject,
  id: number,
): Steps<{ readonly told: SubjectRow | null; readonly nowMs: number }> {
  const found = yield* row(
    `SELECT ${nowMs}, ${COLUMNS} FROM (SELECT 1) AS one
      LEFT JOIN event_subjects ON subject = ? AND subject_id = ?`,
    [CATALOG_SUBJECTS.indexOf(subject), id],
  );
  const [now, ...columns] = found!;
  return { told: columns[0] === null ? null : subjectOf(columns), nowMs: Number(now) };
}

export function* readSubjects(): Steps<SubjectRow[]> {
  return (yield* rows(`SELECT ${COLUMNS} FROM event_subjects`)).map(subjectOf);
}

function subjectOf(cells: Cell[]): SubjectRow {
  const [subject, id, templateId, sequence, beganAs, phase, toldAt, stock, dueAt] = cells;
  return {
    subject: CATALOG_SUBJECTS[Number(subject)]!,
    id: Number(id),
    templateId: Number(templateId),
    sequence: Number(sequence),
    beganAs: PHASES[Number(beganAs)]!,
    phase: PHASES[Number(phase)]!,
    toldAtMs: Number(toldAt),
    stock: Number(stock),
    dueAtMs: dueAt === null ? null : Number(dueAt),
    isNew: false,
  };
}

/** Of something that is told of for the first time. */
export function newSubject(subject: CatalogSubject, id: number, templateId: number): SubjectRow {
  return {
    subject,
    id,
    templateId,
    sequence: 0,
    beganAs: 'new',
    phase: 'new',
    toldAtMs: 0,
    stock: 0,
    dueAtMs: null,
    isNew: true,
  };
}

/** Of something that should have a row: it was in this phase when it got one. Events that are there are gone on behind. */
export function* adoptedSubject(
  subject: CatalogSubject,
  id: number,
  templateId: number,
  phase: Phase,
  stock: number,
): Steps<SubjectRow> {
  const [sequence, toldAt] = (yield* row(
    'SELECT MAX(sequence), MAX(at) FROM catalog_events WHERE subject = ? AND subject_id = ?',
    [CATALOG_SUBJECTS.indexOf(subject), id],
  ))!;
  return {
    ...newSubject(subject, id, templateId),
    sequence: Number(sequence),
    beganAs: phase,
    phase,
    toldAtMs: Number(toldAt),
    stock,
  };
}

/** Writes these events of it, in their order, and what it is from then on. → as it is then. */
export function* tell(
  before: SubjectRow,
  events: readonly NewEvent[],
  next: { readonly phase: Phase; readonly dueAtMs: number | null; readonly stock?: number },
): Steps<SubjectRow> {
  let { sequence, toldAtMs } = before;
  const values = events.flatMap(({ kind, atMs, stock }): Value[] => {
    // Clocks of nodes differ a little, and an event is never older than the one before it. A start that comes again is
    // told from a doubled one by its time.
    toldAtMs = Math.max(kind === 'activity_started' ? toldAtMs + 1 : toldAtMs, atMs);
    sequence++;
    return [
      CATALOG_SUBJECTS.indexOf(before.subject),
      before.id,
      before.templateId,
      sequence,
      CATALOG_EVENT_KINDS.indexOf(kind),
      toldAtMs,
      stock ?? null,
    ];
  });
  const after = { ...before, ...next, sequence, toldAtMs, isNew: false };
  if (before.isNew || !isSame(before, after)) yield* store(before, after);
  if (events.length > 0)
    yield* run(
      `INSERT INTO catalog_events (subject, subject_id, template_id, sequence, kind, at, stock)
        VALUES ${events.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ')}`,
      values,
    );
  return after;
}

function isSame(before: SubjectRow, after: SubjectRow): boolean {
  return (['sequence', 'phase', 'stock', 'dueAtMs'] as const).every(
    (field) => before[field] === after[field],
  );
}

function* store(before: SubjectRow, after: SubjectRow): Steps<void> {
  const { sequence, phase, toldAtMs, stock, dueAtMs } = after;
  const told = [sequence, PHASES.indexOf(phase), toldAtMs, stock, dueAtMs];
  const key = [CATALOG_SUBJECTS.indexOf(before.subject), before.id];
  if (before.isNew) {
    yield* run(
      `INSERT INTO event_subjects (sequence, phase, told_at, stock, due_at, subject, subject_id, template_id, began_as)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [...told, ...key, before.templateId, PHASES.indexOf(before.beganAs)],
    );
    return;
  }
  const written = yield* run(
    `UPDATE event_subjects SET sequence = ?, phase = ?, told_at = ?, stock = ?, due_at = ?
      WHERE subject = ? AND subject_id = ? AND sequence = ?`,
    [...told, ...key, before.sequence],
  );
  if (written.matched !== 1)
    throw new Error(`${before.subject} ${before.id} was told of by somebody without the catalog's lock`);
}

export function* readTemplate(id: number): Steps<Template | null> {
  return yield* readBody<Template>('templates', id);
}

export function* readActivity(id: number): Steps<Activity | null> {
  return yield* readBody<Activity>('activities', id);
}

function* readBody<T extends { readonly id: number }>(
  table: 'templates' | 'activities',
  id: number,
): Steps<T | null> {
  const found = yield* row(`SELECT body FROM ${table} WHERE id = ?`, [id]);
  return found && { ...(JSON.parse(String(found[0])) as T), id };
}
