/** An ingress's end of the rings between it and one life of an owner. */
import type { RingConsumer, RingProducer } from './ring.ts';

export interface OwnerLink {
  /** Which owner. */
  readonly index: number;
  readonly requests: RingProducer;
  readonly replies: RingConsumer;
  /** Wakes the owner: requests wait, and it said that it sleeps. */
  readonly ring: () => void;
}
