/** The profile `single` belongs to one node: what another one has in its local log would be missing here. */
import type { RecordStore } from '../ports.ts';

export const SINGLE_NODE_FACT = 'single_node';

/** Binds the installation to this node at its first start; throws when it belongs to another one. */
export async function bindSingle(store: Pick<RecordStore, 'keepFact'>, nodeId: string): Promise<void> {
  const bound = await store.keepFact(SINGLE_NODE_FACT, nodeId);
  if (bound === nodeId) return;
  throw new Error(
    `this installation belongs to node ${bound}, and this is node ${nodeId}. Start it with the DATA_DIR of that node; ` +
      `if that is gone for good, stop that node and run: doorbuster node forget ${bound}`,
  );
}
