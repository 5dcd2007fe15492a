/** Templates and activities for tests: made, published, described as the crowd needs them. */
import type { Sale } from './book.ts';
import type { Server } from './server.ts';

let names = 0;

export function templateBody(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: `Test ${process.pid} ${++names}`,
    productLine: 7,
    currency: 'CNY',
    discount: { kind: 'threshold', tiers: [{ spend: 30_000, off: 3_000 }] },
    scope: { all: true },
    validity: { daysAfterClaim: 7 },
    stock: 1000,
    perUserLimit: 1,
    distribution: 'claim',
    ...changes,
  };
}

/** A published template. */
export async function newTemplate(
  server: Server,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Sale> {
  const body = templateBody(changes);
  const { id } = await server.must(201, 'POST', '/v1/templates', body);
  await server.must(200, 'POST', `/v1/templates/${id}/publish`);
  return { templateId: id, perUserLimit: Number(body.perUserLimit) };
}

/** An activity of a template, running for an hour unless told otherwise. */
export async function newActivity(
  server: Server,
  template: Sale,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Sale & { readonly activityId: string }> {
  const body = {
    templateId: template.templateId,
    name: `Activity ${process.pid} ${++names}`,
    stock: 100,
    startsAt: new Date(Date.now() - 1000).toISOString(),
    endsAt: new Date(Date.now() + 3_600_000).toISOString(),
    perUserLimit: 1,
    ...changes,
  };
  const { id } = await server.must(201, 'POST', '/v1/activities', body);
  const perUserLimit = Math.min(template.perUserLimit, body.perUserLimit);
  return { templateId: template.templateId, activityId: id, perUserLimit };
}
