import { defineConfig } from 'vitest/config';
import { scratchDir } from './test/scratch-dir.ts';
import { SpreadSequencer } from './test/spread-sequencer.ts';
import { suites } from './test/suites.ts';

const { unit, simulation, services } = suites();
if (process.env.LONG === undefined) process.env.TMPDIR = scratchDir();

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A forgotten `only` must not pass for the whole suite.
    allowOnly: false,
    sequence: { sequencer: SpreadSequencer },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: unit,
          pool: 'threads',
          isolate: false,
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: simulation,
          pool: 'threads',
          // The files of the cluster run it with two shards: they mock a module that the others use as it is.
          isolate: true,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          include: services,
          globalSetup: ['test/services/global-setup.ts'],
          pool: 'forks',
          // A process a file would cost a second of each.
          isolate: false,
          // They wait a third of their time: for processes to start, for silences to end.
          maxWorkers: 4,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
