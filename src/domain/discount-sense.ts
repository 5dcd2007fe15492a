/**
 * Discounts that are possible and yet look like a slip: 95 % off where 5 % was meant. They are created all the same,
 * and whoever creates them is told. What makes no sense at all is refused where bodies are checked.
 */
import type { Discount } from './template.ts';

export interface Warning {
  /** As in the body of a template: `discount.rate`. */
  readonly field: string;
  readonly problem: string;
}

/** Rates below this take more than 90 % off. Basis points. */
const RATE_USUAL_MIN = 1_000;

export function discountWarnings(discount: Discount): Warning[] {
  switch (discount.kind) {
    case 'percent': {
      const { rate } = discount;
      if (rate >= RATE_USUAL_MIN) return [];
      const problem = `is ${rate}: it takes ${percent(10_000 - rate)} % off, ${percent(rate)} % are paid`;
      return [{ field: 'discount.rate', problem }];
    }
    case 'instant': {
      const { off, minSpend } = discount;
      if (minSpend === undefined || off <= minSpend) return [];
      const problem = `is ${off}, more than minSpend ${minSpend}: an order of that much costs nothing`;
      return [{ field: 'discount.off', problem }];
    }
    case 'threshold':
    case 'shipping':
      return [];
  }
}

/** Basis points as percent: 9505 → "95.05". */
function percent(basisPoints: number): string {
  return String(basisPoints / 100);
}
