/** Carries steps out in MySQL, a transaction each. One whose answer was lost is made again: it finds what it did. */
import { isDuplicate } from '../mysql/failures.ts';
import type { MysqlPool } from '../mysql/pool.ts';
import type { Session } from '../mysql/session.ts';
import { isKept, type Transact } from './coupon-steps.ts';
import type { Cell, Dialect, Statement, Steps, Written } from './steps.ts';

export const MYSQL: Dialect = {
  nowMs: 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)',
  forUpdate: ' FOR UPDATE',
  templateVersion: 'sequence',
  catalogLock: 'SELECT id FROM catalog_sequence WHERE id = 1 FOR UPDATE',
};

export function mysqlTransact(pool: MysqlPool): Transact {
  return (steps) =>
    pool.transaction((session) => within(session, steps()), {
      mayRepeat: true,
      keeps: isKept,
      // Two first locks of one order: the one that comes second begins again and finds the other.
      again: isDuplicate,
    });
}

export function mysqlRead(pool: MysqlPool): Transact {
  return (steps) => pool.read((session) => within(session, steps()));
}

/** In the transaction that is open in this session. */
export async function within<T>(session: Session, steps: Steps<T>): Promise<T> {
  let next = steps.next();
  while (next.done !== true) {
    let answer: Cell[][] | Cell[] | null | Written;
    try {
      answer = await carryOut(session, next.value);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
  return next.value;
}

async function carryOut(
  session: Session,
  { kind, sql, values }: Statement,
): Promise<Cell[][] | Cell[] | null | Written> {
  if (kind === 'rows') return (await session.rows(sql, values)) as Cell[][];
  if (kind === 'row') return ((await session.row(sql, values)) as Cell[] | undefined) ?? null;
  const { matched, insertId } = await session.run(sql, values);
  return { matched, insertId };
}
