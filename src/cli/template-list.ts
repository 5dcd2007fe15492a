/** All templates that fit a filter, page after page. */
import { PAGE_ITEMS_MAX } from '../limits.ts';
import { callApi } from './api-client.ts';
import type { ServerTarget } from './server-target.ts';

/** What the commands look at in a template as operators see it. */
export interface TemplateJson {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly stock: number;
  readonly perUserLimit: number;
  readonly discount: { readonly kind: string };
  readonly warnings?: readonly { readonly field: string; readonly problem: string }[];
}

export async function listTemplates(
  target: ServerTarget,
  filter: Readonly<Record<string, string | undefined>>,
): Promise<TemplateJson[]> {
  const items: TemplateJson[] = [];
  const query = new URLSearchParams({ limit: String(PAGE_ITEMS_MAX) });
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
  for (;;) {
    const page = (await callApi(target, 'GET', `/v1/templates?${query}`)) as {
      items: TemplateJson[];
      next: string | null;
    };
    items.push(...page.items);
    if (page.next === null) return items;
    query.set('cursor', page.next);
  }
}
