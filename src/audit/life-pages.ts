/** The tables of coupons' later lives, whichever store they are read from. */
import type {
  CatalogEventFact,
  EventFact,
  LifeFacts,
  Pages,
  RedemptionFact,
  ReturnFact,
  SubjectFact,
  UsageFact,
} from './life-facts.ts';
import {
  CATALOG_EVENTS,
  EVENTS,
  type LifeTable,
  REDEMPTIONS,
  RETURNS,
  SUBJECTS,
  USAGES,
} from './life-tables.ts';

export abstract class LifePages implements LifeFacts {
  protected abstract pages<T>(table: LifeTable<T>): Pages<T>;

  events(): Pages<EventFact> {
    return this.pages(EVENTS);
  }

  redemptions(): Pages<RedemptionFact> {
    return this.pages(REDEMPTIONS);
  }

  usages(): Pages<UsageFact> {
    return this.pages(USAGES);
  }

  returns(): Pages<ReturnFact> {
    return this.pages(RETURNS);
  }

  catalogEvents(): Pages<CatalogEventFact> {
    return this.pages(CATALOG_EVENTS);
  }

  subjects(): Pages<SubjectFact> {
    return this.pages(SUBJECTS);
  }
}
