/**
 * Tells the record store that this node lives. It does not matter for claims: with the store away they go on, and
 * nodes are only taken for dead by their seats in the ledger.
 */
import type { ClusterStore } from '../ports-cluster.ts';
import { forgotten } from './admission.ts';
import { type Clock, jittered } from './clock.ts';
import type { NodeIdentity } from './node-identity.ts';

export const BEAT_MS = 2_500;

export type RegistryStore = Pick<ClusterStore, 'registerNode' | 'beat' | 'nodeStopped'>;

export class NodeRegistry {
  private readonly store: RegistryStore;
  private readonly identity: NodeIdentity;
  private readonly onFatal: (detail: string) => void;

  /** `onFatal`: this node must not serve (any more) under its id. */
  constructor(store: RegistryStore, identity: NodeIdentity, onFatal: (detail: string) => void) {
    this.store = store;
    this.identity = identity;
    this.onFatal = onFatal;
  }

  /** False when an operator has forgotten this node. Rejects when the store is away. */
  async register(): Promise<boolean> {
    const { nodeId, startId, host } = this.identity;
    if ((await this.store.registerNode(nodeId, startId, host)) === 'registered') return true;
    this.onFatal(forgotten(nodeId));
    return false;
  }

  /** Rejects when the store is away, or when this process is not the node any more. */
  async beat(): Promise<void> {
    const { nodeId, startId } = this.identity;
    switch (await this.store.beat(nodeId, startId)) {
      case 'ok':
        return;
      case 'forgotten':
        this.onFatal(forgotten(nodeId));
        break;
      case 'replaced':
        this.onFatal(`another process has started as node ${nodeId}: no two may use copies of one DATA_DIR`);
    }
    throw new Error(`node ${nodeId} is not this process any more`);
  }

  /** A clean end. */
  async stopped(): Promise<void> {
    await this.store.nodeStopped(this.identity.nodeId, this.identity.startId);
  }

  /** Beats until told to stop: for profiles that need nothing else of the cluster. → how to stop. */
  beatAlone(clock: Clock, onAway: (detail: string) => void): () => Promise<void> {
    let stopping = false;
    const run = async (): Promise<void> => {
      while (!stopping) {
        await clock.sleep(jittered(clock, BEAT_MS));
        if (!stopping) await this.beat().catch((error: unknown) => onAway(String(error)));
      }
    };
    void run();
    return async () => {
      stopping = true;
      await this.stopped();
    };
  }
}
