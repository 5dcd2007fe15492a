/** As whom a caller browses the catalog: everybody who is no operator is a customer. */
import type { Viewer } from '../operations/templates.ts';
import type { Ctx } from './route.ts';

export function viewerOf({ caller }: Pick<Ctx, 'caller'>): Viewer {
  return caller.operator ? 'operator' : 'customer';
}
