/** Repeats and the bare handler once more, under other people's load generators. */
import { comparisonRow } from '../comparison.ts';
import { type Contender, interleave } from '../contender.ts';
import { sell } from '../contenders/http.ts';
import { autocannon, type Generator, wrk, wrkInstalled } from '../load/other-generators.ts';
import { claimsPath } from '../processes/server.ts';
import type { Target } from '../processes/target.ts';
import type { Row } from '../report.ts';
import { verifyClaims, verifyOutcomes } from '../verify.ts';
import type { Bench, Scenario } from './scenario.ts';
import { auditedRows, withServers } from './with-servers.ts';

const CONNECTIONS = 64;
const USERS = 1000;

async function run(bench: Bench): Promise<Row[]> {
  const generators: Record<string, Generator> = { autocannon, ...(wrkInstalled() ? { wrk } : {}) };
  const audited = await withServers(bench, ['os'], async ([server]) => {
    const templateId = await server!.publishTemplate(USERS);
    const users = bench.freshUsers(USERS);
    const coupons = await sell(bench, server!, templateId, users);
    const seconds = Math.max(1, Math.round(bench.effort.runSeconds));
    const rows: Row[] = [];
    for (const [generator, send] of Object.entries(generators)) {
      const contender = (name: string, target: Target, expected: string): Contender => ({
        name: `${name}-${generator}`,
        prepare: async () => ({
          target,
          run: async (beforeFirst) => {
            await beforeFirst();
            const { port } = target;
            return send({
              port,
              path: claimsPath(templateId),
              connections: CONNECTIONS,
              seconds,
              userId: users.first,
            });
          },
          check: async (load) => [
            ...verifyOutcomes(load.outcomes, generator === 'wrk' ? '2xx' : expected),
            ...(target === server ? await verifyClaims(server!, templateId, USERS, coupons) : []),
          ],
        }),
      });
      bench.say(`cross-check with ${generator}`);
      const [bare, repeats] = await interleave(
        [contender('yardstick', bench.yardstick, '201'), contender('http-repeats-os', server!, '200')],
        bench.effort.pairs,
        bench.say,
      );
      rows.push(comparisonRow(bare!, bare!, false), comparisonRow(repeats!, bare!, true));
    }
    return rows;
  });
  return auditedRows(audited);
}

export const crossCheck: Scenario = {
  name: 'cross-check',
  about: 'repeats under autocannon and, where installed, wrk',
  run,
};
