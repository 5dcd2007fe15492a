/** The checker's report, as GET /v1/audit answers it. */

/** Problems told in words per check; the rest is only counted. */
export const PROBLEMS_TOLD_MAX = 100;

export type CheckName =
  | 'units'
  | 'accounting'
  | 'limits'
  | 'activities'
  | 'rows'
  | 'codes'
  | 'watermarks'
  | 'states'
  | 'redemptions'
  | 'usages'
  | 'returns'
  | 'catalog';

export interface CheckReport {
  readonly name: CheckName;
  readonly ok: boolean;
  /** Things looked at: claims, units, users, rows, logs, events, redemptions, usages, returns, or events of the catalog. */
  readonly checked: number;
  /** All problems found, of which `problems` tells the first ones. */
  readonly problemCount: number;
  readonly problems: readonly string[];
}

export interface Report {
  readonly ok: boolean;
  readonly checks: readonly CheckReport[];
}

/** Gathers one check's problems. The text is only made while it is told. */
export class Findings {
  readonly name: CheckName;
  checked = 0;
  private count = 0;
  private readonly told: string[] = [];

  constructor(name: CheckName) {
    this.name = name;
  }

  problem(text: () => string): void {
    if (this.count++ < PROBLEMS_TOLD_MAX) this.told.push(text());
  }

  report(): CheckReport {
    const { name, checked, count, told } = this;
    return { name, ok: count === 0, checked, problemCount: count, problems: told };
  }
}
