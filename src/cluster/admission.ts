/** What a node is told that must not serve in its profile, and what its operator can do about it. */
import type { Admission } from '../ports-cluster.ts';

/** null: it may serve. */
export function admissionProblem(
  admission: Admission,
  nodeId: string,
  profile: 'single' | 'cluster',
): string | null {
  switch (admission.kind) {
    case 'admitted':
      return null;
    case 'forgotten':
      return forgotten(nodeId);
    case 'bound':
      return (
        `this installation belongs to node ${admission.nodeId} (profile single), and this is node ${nodeId}. ` +
        (profile === 'single'
          ? 'Start it with the DATA_DIR of that node'
          : 'To make a cluster of it, start that node with PROFILE=cluster first: it brings its claims along') +
        `; if that is gone for good, stop that node and run: doorbuster node forget ${admission.nodeId}`
      );
    case 'cluster':
      return (
        `this installation is a cluster: claims may be only in the logs of ${admission.nodeIds.join(', ')}. Start those ` +
        'with PROFILE=cluster and stop them again, so that they store everything; those that are gone for good can be ' +
        'given up with: doorbuster node forget ID'
      );
  }
}

export function forgotten(nodeId: string): string {
  return (
    `node ${nodeId} was forgotten by an operator: it must not serve again. ` +
    'Keep its DATA_DIR for the record and start with an empty one'
  );
}
