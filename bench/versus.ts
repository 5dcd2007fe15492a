/** What one design makes of the CPU time that another needs, as rows of the report. */
import { allIn, comparisonRow, costRatio, type Figure, medianOf, path, rpsRatio } from './comparison.ts';
import type { Series } from './contender.ts';
import { withGoal } from './goals.ts';
import { NO_FIGURES, type Row } from './report.ts';

/** At least so many claims for the CPU time of one; null: told for information. */
export interface VersusGoals {
  readonly path: number;
  readonly allIn: number;
}

/** The one with the most claims a second. */
export function fastest(all: readonly Series[]): Series {
  return all.reduce((best, one) => (rpsOf(one) > rpsOf(best) ? one : best));
}

function rpsOf(series: Series): number {
  return medianOf(series, (run) => run.rps);
}

/** Two rows: claim paths with Redis, and all processes until everything is stored. */
export function versusRows(name: string, own: Series, other: Series, goals: VersusGoals | null): Row[] {
  const row = comparisonRow(own, other, true);
  const common = {
    ...NO_FIGURES,
    rps: row.rps,
    ratioRps: rpsRatio(own, other),
    verified: own.wrong.length === 0 && other.wrong.length === 0,
  };
  const of = (what: string, figure: Figure, goal: number | undefined): Row => {
    const ratio = costRatio(own, other, figure);
    const given = {
      ...common,
      name: `${name}-${what}`,
      ratioCpu: ratio,
      more: { us: medianOf(own, figure), against: other.name, againstUs: medianOf(other, figure) },
    };
    return goal === undefined ? given : withGoal(given, 'ratioCpu', ratio, { atLeast: goal });
  };
  return [
    {
      ...of('path', path, goals?.path),
      cpuUsPerRequest: row.cpuUsPerRequest,
      redisUsPerRequest: row.redisUsPerRequest,
    },
    { ...of('all-in', allIn, goals?.allIn), allInUsPerRequest: row.allInUsPerRequest },
  ];
}
