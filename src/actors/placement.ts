/** Which partition serves a user, and which owner serves a partition. The same on every thread of a process. */
import { hashUser } from './user-table.ts';

export function partitionOf(lo: number, hi: number, partitions: number): number {
  // The high bits choose a table's segment, so the partition takes the low ones.
  return partitions === 1 ? 0 : hashUser(lo, hi) % partitions;
}

/** Partitions of one template go to owners in turn, starting somewhere else for each template. */
export function ownerOf(templateId: number, partition: number, owners: number): number {
  return ((Math.imul(templateId, 0x9e3779b1) >>> 0) + partition) % owners;
}
