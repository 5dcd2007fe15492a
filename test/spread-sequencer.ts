/**
 * The order of the test files: those that mostly wait, for silences to end and clocks to come round, are spread evenly
 * among those that work, the longest first. Left to the end they would leave the cores idle.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const WAITING =
  /\/test\/(e2e\/(faults\/|orders-late|catalog-events|cluster-hot|profile-change)|records\/events-mysql)/;
/** A minute, whatever the machine. */
const LONGEST = /\/orders-late/;

export class SpreadSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const waiting = sorted.filter(({ moduleId }) => WAITING.test(moduleId));
    waiting.sort((a, b) => Number(LONGEST.test(b.moduleId)) - Number(LONGEST.test(a.moduleId)));
    const working = sorted.filter(({ moduleId }) => !WAITING.test(moduleId));
    return spread(waiting, working);
  }
}

/** Both in their order; of `few`, the first comes first and the last somewhat before the end. */
function spread<T>(few: readonly T[], many: readonly T[]): T[] {
  const every = many.length / (few.length + 1);
  return [
    ...few.map((item, index) => ({ item, at: index * every - 0.5 })),
    ...many.map((item, index) => ({ item, at: index })),
  ]
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
