/**
 * Templates and activities against what was told of them: each one's events are numbered from 1 without a gap or a double,
 * each may follow the one before, and they end in what its row among the subjects has, which is what is stored of it.
 *
 * That time has brought something about which nobody has told yet is no fault: a server may have stood still.
 */
import { claimWindowOf } from '../domain/claim-window.ts';
import {
  CATALOG_EVENT_KINDS,
  CATALOG_MOVES,
  CATALOG_SUBJECTS,
  type CatalogSubject,
  PHASES,
  type Phase,
  wasOpened,
} from '../domain/lifecycle.ts';
import type { Activity, Template } from '../domain/template.ts';
import type { CatalogEventFact, Pages, SubjectFact } from './life-facts.ts';
import { type CheckReport, Findings } from './report.ts';

export interface CatalogFacts {
  /** All that are stored, of the same moment as the rows. */
  readonly templates: readonly Template[];
  readonly activities: readonly Activity[];
  readonly events: Pages<CatalogEventFact>;
  readonly subjects: Pages<SubjectFact>;
  readonly claimedIn: (templateId: number, activityId: number) => number;
}

/** What is known of one template or activity. */
interface Case {
  readonly subject: CatalogSubject;
  readonly id: number;
  row: SubjectFact | null;
  readonly events: CatalogEventFact[];
}

/** What its events come to. */
interface Told {
  phase: Phase;
  sequence: number;
  atMs: number;
  stock: number | null;
  startedAtMs: number | null;
}

export async function checkCatalog(facts: CatalogFacts): Promise<CheckReport> {
  const found = new Findings('catalog');
  const templates = new Map(facts.templates.map((template) => [template.id, template]));
  const activities = new Map(facts.activities.map((activity) => [activity.id, activity]));
  for (const one of await gathered(facts, found)) {
    found.checked += one.events.length;
    const stored =
      one.subject === 'template'
        ? disagreements(one, templates.get(one.id), templateFaults)
        : disagreements(one, activities.get(one.id), (row, activity) =>
            activityFaults(row, activity, facts.claimedIn(activity.templateId, one.id)),
          );
    const faults = [...historyFaults(one), ...stored];
    if (faults.length > 0) found.problem(() => `${one.subject} ${one.id}: ${faults.join('; ')}`);
  }
  return found.report();
}

/** All that have a row or events, or should have. Events of each by their sequence. */
async function gathered(facts: CatalogFacts, found: Findings): Promise<Case[]> {
  const cases = new Map<string, Case>();
  const of = (subject: CatalogSubject, id: number): Case => {
    const key = `${subject} ${id}`;
    const known = cases.get(key) ?? { subject, id, row: null, events: [] };
    cases.set(key, known);
    return known;
  };
  const named = (number: number, id: number): Case | null => {
    const subject = CATALOG_SUBJECTS[number];
    if (subject !== undefined) return of(subject, id);
    found.problem(() => `something is told of a subject ${number}, which is none, with id ${id}`);
    return null;
  };
  for (const { id, publishedAtMs } of facts.templates) if (publishedAtMs !== null) of('template', id);
  for (const activity of facts.activities) if (wasOpened(activity)) of('activity', activity.id);
  for await (const page of facts.subjects)
    for (const row of page) {
      const one = named(row.subject, row.subjectId);
      if (one !== null) one.row = row;
    }
  for await (const page of facts.events)
    for (const event of page) named(event.subject, event.subjectId)?.events.push(event);
  for (const { events } of cases.values()) events.sort((a, b) => a.sequence - b.sequence);
  return [...cases.values()];
}

/** Of the events among themselves, and against the row. */
function historyFaults({ subject, row, events }: Case): string[] {
  if (row === null)
    return [events.length > 0 ? 'has events and no row of what was told' : 'nothing was told'];
  const began = PHASES[row.beganAs];
  const faults: string[] = [];
  const told: Told = { phase: began ?? 'new', sequence: 0, atMs: 0, stock: null, startedAtMs: null };
  if (began === undefined) faults.push(`began as ${row.beganAs}, which is none`);
  for (const event of events) faults.push(...eventFaults(subject, row, told, event));
  if (row.sequence !== told.sequence)
    faults.push(`its last event is ${told.sequence}, told was ${row.sequence}`);
  const phase = PHASES[row.phase];
  if (!isPhaseOf(subject, phase) || !mayBe(phase, told.phase))
    faults.push(`was told as ${phase ?? row.phase}, by its events ${told.phase}`);
  if (events.length > 0 && row.toldAtMs !== told.atMs) faults.push('its last event is of another time');
  if (told.stock !== null && row.stock !== told.stock)
    faults.push(`units told of are ${row.stock}, by its events ${told.stock}`);
  return faults;
}

/** Moves `told` on. */
function eventFaults(
  subject: CatalogSubject,
  row: SubjectFact,
  told: Told,
  event: CatalogEventFact,
): string[] {
  const { sequence, atMs, stock } = event;
  const kind = CATALOG_EVENT_KINDS[event.kind];
  const faults: string[] = [];
  if (sequence === told.sequence) return [`event ${sequence} is doubled`];
  if (sequence !== told.sequence + 1) faults.push(`event ${told.sequence + 1} is missing`);
  told.sequence = sequence;
  const name = kind === undefined ? `event ${sequence}` : `event ${sequence}, ${kind},`;
  if (event.templateId !== row.templateId) faults.push(`${name} is of template ${event.templateId}`);
  if (atMs < told.atMs) faults.push(`${name} is older than the one before it`);
  told.atMs = atMs;
  if (kind === undefined) return [...faults, `${name} is of kind ${event.kind}, which is none`];
  const move = CATALOG_MOVES[kind];
  const isAgain = kind === 'activity_started' && told.startedAtMs !== null && told.startedAtMs >= atMs;
  if (move.subject !== subject) faults.push(`${name} is none of a ${subject}`);
  else if (!move.from.includes(told.phase) || isAgain)
    faults.push(`${name} cannot be: it was ${told.phase} then`);
  if (kind === 'activity_started') told.startedAtMs = atMs;
  told.phase = move.to ?? told.phase;
  if ((stock !== null) !== (move.to === null)) faults.push(`${name} tells ${stock ?? 'no'} units`);
  if (stock !== null) {
    if (stock <= (told.stock ?? 0)) faults.push(`${name} tells ${stock} units after ${told.stock ?? 0}`);
    told.stock = stock;
  }
  return faults;
}

function isPhaseOf(subject: CatalogSubject, phase: Phase | undefined): phase is Phase {
  const others: readonly (Phase | undefined)[] =
    subject === 'template' ? ['started', undefined] : ['published', 'disabled', undefined];
  return !others.includes(phase);
}

/** An activity whose start was put off after it had begun is new again, and that is no event. */
function mayBe(phase: Phase, byEvents: Phase): boolean {
  return phase === byEvents || (phase === 'new' && byEvents === 'started');
}

function disagreements<T>(
  { row }: Case,
  stored: T | undefined,
  faultsOf: (row: SubjectFact, stored: T) => readonly (string | false)[],
): string[] {
  if (stored === undefined) return ['was told of and is not there'];
  return row === null ? [] : faultsOf(row, stored).filter((fault) => fault !== false);
}

function templateFaults(row: SubjectFact, template: Template): readonly (string | false)[] {
  const { id, status, total, publishedAtMs } = template;
  const phase = PHASES[row.phase];
  // By whichever clock is ahead: that of the one who told it may be.
  const isOver =
    status === 'deleted' || claimWindowOf(template).untilMs <= Math.max(row.toldAtMs, Date.now());
  return [
    row.templateId !== id && `was told of as template ${row.templateId}`,
    publishedAtMs === null && 'was never published, and is told of',
    phase === 'ended'
      ? !isOver && `was told as ended, is ${status}`
      : phase !== status && `was told as ${phase}, is ${status}`,
    row.stock > total && `was told to have ${row.stock} units ready, has ${total}`,
  ];
}

function activityFaults(row: SubjectFact, activity: Activity, claimed: number): readonly (string | false)[] {
  const { templateId, status, stock, endsAtMs } = activity;
  const hasEnded = PHASES[row.phase] === 'ended';
  const isOver = status === 'stopped' || endsAtMs <= Math.max(row.toldAtMs, Date.now());
  return [
    row.templateId !== templateId && `was told of as one of template ${row.templateId}, is of ${templateId}`,
    hasEnded && !isOver && 'was told as ended, is not over',
    !hasEnded && status !== 'active' && `was told as ${PHASES[row.phase]}, is ${status}`,
    row.stock > stock && `was told to have sold ${row.stock} units, has ${stock}`,
    row.stock > claimed &&
      row.sequence > 0 &&
      `was told to have sold ${row.stock} units, ${claimed} are claimed`,
  ];
}
