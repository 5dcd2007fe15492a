/**
 * The promise itself: a crowd claims over HTTP, the process is killed at a random moment, started again on the same
 * directory, and so on; then every acknowledged claim must be there, nobody over a limit, and the rest must sell.
 */
import { describe, test } from 'vitest';
import { ClaimsBook } from '../support/book.ts';
import { checkAll, checkPromises } from '../support/check.ts';
import { Crowd } from '../support/crowd.ts';
import { seeded } from '../support/random.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import { newDataDir, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const ROUNDS = process.env.LONG ? 20 : 2;
/** Enough of both that claims are still won in the last round. */
const USERS = process.env.LONG ? 6000 : 400;
const STOCK = Math.round(USERS * 1.3);
/** Answers in a round before the kill: from hardly any to so many that flushing is under way. */
const ANSWERS_MAX = process.env.LONG ? 2500 : 600;

const VARIANTS = [
  { name: 'synced, one owner', env: { LOG_SYNC: 'always', OWNER_THREADS: '1' }, partitions: 1 },
  {
    name: 'synced, four owners, eight partitions',
    env: { LOG_SYNC: 'always', OWNER_THREADS: '4' },
    partitions: 8,
  },
  { name: 'not synced, one owner', env: { LOG_SYNC: 'os', OWNER_THREADS: '1' }, partitions: 1 },
  {
    name: 'not synced, four owners, eight partitions',
    env: { LOG_SYNC: 'os', OWNER_THREADS: '4' },
    partitions: 8,
  },
];

/** Too few would show nothing, whatever was drawn. */
function isOfBothKinds(book: ClaimsBook): boolean {
  return book.count('claimed') > 100 && book.count('already_claimed') > 50;
}

describe('a killed process loses nothing it acknowledged', () => {
  test.each(VARIANTS)('$name', async ({ name, env, partitions }) => {
    const random = seeded(`kill, ${name}`);
    const dataDir = newDataDir();
    const book = new ClaimsBook();
    let server = await startServer({ dataDir, env });
    try {
      const one = await newTemplate(server, { stock: STOCK, partitions });
      const many = await newTemplate(server, { stock: STOCK, perUserLimit: 3, partitions });
      const sales = [one, many, await newActivity(server, many, { stock: 500, perUserLimit: 2 })];
      for (let round = 0; round < ROUNDS; round++) {
        const crowd = new Crowd({ port: server.port, book, random, sales, users: USERS });
        const answers = 1 + random.below(ANSWERS_MAX);
        const isLast = round === ROUNDS - 1;
        const isEnough = () => crowd.answered >= answers && (!isLast || isOfBothKinds(book));
        await until(isEnough, `${answers} answers in round ${round}`);
        await server.kill();
        await crowd.ended();
        server = await startServer({ dataDir, env });
        // With the crowd gone as well as before it comes back: nothing later may cover what was lost here.
        await checkPromises(server, book, sales);
      }
      await checkAll(server, book, sales);
    } finally {
      await server.destroy();
    }
  });
});
