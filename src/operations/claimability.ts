/** Whether a template's general pool takes claims: the judgement of owners (actors/rules.ts), as far as it is for all. */
import { refusesAll } from '../actors/rules.ts';
import { refusalOf } from '../actors/verdict.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { ProblemCode } from '../problems.ts';

/** What everybody is told who claims at `nowMs`; null: claims are taken. `view` undefined: it was never published. */
export function refusalToAll(view: TemplateView | undefined, nowMs: number): ProblemCode | null {
  const pool = view?.pools.get(0);
  if (view === undefined || pool === undefined) return 'not_active';
  const verdict = refusesAll(view.rules, pool.rules, nowMs);
  if (verdict !== 0) return refusalOf(verdict);
  return pool.soldOut ? 'sold_out' : null;
}
