/**
 * Carries steps out in SQLite. Transactions that wait together share one, and all are answered once the whole is on the
 * disk. That is what makes a synchronous disk bearable for many. Hardly one is refused after it has written; when one is,
 * or fails then, the whole is undone and done again, each in a savepoint that can be undone alone.
 */
import type Database from 'libsql';
import { isKept, type Transact } from './coupon-steps.ts';
import type { Cell, Dialect, Statement, Steps, Written } from './steps.ts';

export const SQLITE: Dialect = {
  nowMs: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
  forUpdate: '',
  templateVersion: "body ->> '$.version'",
  catalogLock: null,
};

/** So many share a transaction: the claims' rows wait for it. */
const SHARED_MAX = 64;
/** Statements kept: their texts differ by how many coupons they name. */
const PREPARED_MAX = 500;

interface Waiting {
  readonly steps: () => Steps<unknown>;
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class SqliteSteps {
  private readonly db: Database.Database;
  private waiting: Waiting[] = [];
  private readonly prepared = new Map<string, Database.Statement>();
  /** Since the one that is under way began. */
  private hasWritten = false;

  constructor(db: Database.Database) {
    this.db = db;
  }

  readonly transact: Transact = (steps) =>
    new Promise((resolve, reject) => {
      this.waiting.push({ steps, resolve: resolve as (outcome: unknown) => void, reject });
      // All that are in the queue of this thread by then.
      if (this.waiting.length === 1) setImmediate(() => this.runWaiting());
    });

  readonly read: Transact = async (steps) => {
    this.db.exec('BEGIN');
    try {
      return this.within(steps());
    } finally {
      this.db.exec('COMMIT');
    }
  };

  private runWaiting(): void {
    const together = this.waiting.splice(0, SHARED_MAX);
    if (this.waiting.length > 0) setImmediate(() => this.runWaiting());
    let answers: readonly (() => void)[];
    try {
      answers = this.runTogether(together) ?? this.runApart(together);
    } catch (error) {
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      for (const { reject } of together) reject(error);
      return;
    }
    for (const answer of answers) answer();
  }

  /** → their answers; null: one of many was to be undone, and so was everything. */
  private runTogether(together: readonly Waiting[]): (() => void)[] | null {
    const answers: (() => void)[] = [];
    this.db.exec('BEGIN IMMEDIATE');
    for (const one of together) {
      const { answer, leavesTraces } = this.runOne(one);
      answers.push(answer);
      if (!leavesTraces) continue;
      this.db.exec('ROLLBACK');
      return together.length === 1 ? answers : null;
    }
    this.db.exec('COMMIT');
    return answers;
  }

  private runApart(together: readonly Waiting[]): (() => void)[] {
    const answers: (() => void)[] = [];
    this.db.exec('BEGIN IMMEDIATE');
    for (const one of together) {
      this.db.exec('SAVEPOINT one');
      const { answer, leavesTraces } = this.runOne(one);
      if (leavesTraces) this.db.exec('ROLLBACK TO one');
      this.db.exec('RELEASE one');
      answers.push(answer);
    }
    this.db.exec('COMMIT');
    return answers;
  }

  /** `leavesTraces`: what it wrote is not to be kept. */
  private runOne({ steps, resolve, reject }: Waiting): { answer: () => void; leavesTraces: boolean } {
    this.hasWritten = false;
    try {
      const outcome = this.within(steps());
      return { answer: () => resolve(outcome), leavesTraces: this.hasWritten && !isKept(outcome) };
    } catch (error) {
      // A full disk may have ended the transaction by itself, and all of it is undone then.
      if (!this.db.inTransaction) throw error;
      return { answer: () => reject(error), leavesTraces: this.hasWritten };
    }
  }

  /** In the transaction that is open. */
  within<T>(steps: Steps<T>): T {
    let next = steps.next();
    while (next.done !== true) {
      let answer: unknown;
      try {
        answer = this.carryOut(next.value);
      } catch (error) {
        next = steps.throw(error);
        continue;
      }
      next = steps.next(answer);
    }
    return next.value;
  }

  private carryOut({ kind, sql, values }: Statement): Cell[][] | Cell[] | null | Written {
    let statement = this.prepared.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      if (kind !== 'run') statement.raw(true);
      if (this.prepared.size === PREPARED_MAX) this.prepared.clear();
      this.prepared.set(sql, statement);
    }
    if (kind === 'rows') return statement.all(values) as unknown as Cell[][];
    if (kind === 'row') return (statement.get(values) as unknown as Cell[] | undefined) ?? null;
    this.hasWritten = true;
    const { changes, lastInsertRowid } = statement.run(values);
    return { matched: changes, insertId: Number(lastInsertRowid) };
  }
}
