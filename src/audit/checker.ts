/** The rules that always hold, as one pure function over facts (facts.ts). */
import type { Facts } from './facts.ts';
import type { Report } from './report.ts';

export function check(_facts: Facts): Report {
  throw new Error('not written yet');
}
