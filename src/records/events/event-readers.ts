/** Who reads events for good: up to where, and which node does it now. */
import type { EventReader } from '../../ports-events.ts';
import { clock, type Dialect, row, run, type Steps } from '../redemptions/steps.ts';

export function* takeReader(
  db: Dialect,
  name: string,
  holder: string,
  leaseMs: number,
): Steps<EventReader | null> {
  const found = yield* row(
    `SELECT position, holder, held_until FROM event_readers WHERE name = ?${db.forUpdate}`,
    [name],
  );
  const nowMs = yield* clock(db);
  if (found === null) {
    yield* run(
      'INSERT INTO event_readers (name, position, updated_at, holder, held_until) VALUES (?, NULL, ?, ?, ?)',
      [name, nowMs, holder, nowMs + leaseMs],
    );
    return { position: null };
  }
  const [position, heldBy, heldUntil] = found;
  if (String(heldBy) !== holder && Number(heldUntil) > nowMs) return null;
  yield* run('UPDATE event_readers SET holder = ?, held_until = ? WHERE name = ?', [
    holder,
    nowMs + leaseMs,
    name,
  ]);
  return { position: position === null ? null : String(position) };
}

export function* moveReader(db: Dialect, name: string, holder: string, position: string): Steps<boolean> {
  const nowMs = yield* clock(db);
  const moved = yield* run(
    'UPDATE event_readers SET position = ?, updated_at = ? WHERE name = ? AND holder = ?',
    [position, nowMs, name, holder],
  );
  return moved.matched === 1;
}

export function* leaveReader(name: string, holder: string): Steps<void> {
  yield* run('UPDATE event_readers SET held_until = 0 WHERE name = ? AND holder = ?', [name, holder]);
}
