/** `npm run bench [-- --quick] [-- --json FILE] [-- --only NAME] [-- --profile NAME] [-- --inject-lost-row]` */
import { parseArgs } from 'node:util';
import { machine } from './machine.ts';
import { LoadClient } from './processes/load-client.ts';
import { startYardstick } from './processes/yardstick.ts';
import { NO_FIGURES, type Row, table, writeJson } from './report.ts';
import { besideOrders } from './scenarios/beside-orders.ts';
import { best } from './scenarios/best.ts';
import { classicDesign } from './scenarios/classic-design.ts';
import { cluster } from './scenarios/cluster.ts';
import { codes } from './scenarios/codes.ts';
import { crossCheck } from './scenarios/cross-check.ts';
import { flusher } from './scenarios/flusher.ts';
import { flusherMysql } from './scenarios/flusher-mysql.ts';
import { httpP99 } from './scenarios/http-p99.ts';
import { httpRepeats } from './scenarios/http-repeats.ts';
import { httpSoldOut } from './scenarios/http-sold-out.ts';
import { httpWon } from './scenarios/http-won.ts';
import { quotes } from './scenarios/quotes.ts';
import { recovery } from './scenarios/recovery.ts';
import { redemptions } from './scenarios/redemptions.ts';
import { type Bench, FULL, ONCE, QUICK, type Scenario, userSource } from './scenarios/scenario.ts';
import { userTable } from './scenarios/user-table.ts';
import { wsBatches } from './scenarios/ws-batches.ts';
import { yardstickAlone } from './scenarios/yardstick-alone.ts';
import { Stores } from './stores.ts';

const SCENARIOS: readonly Scenario[] = [
  yardstickAlone,
  httpWon,
  httpSoldOut,
  httpRepeats,
  crossCheck,
  wsBatches,
  httpP99,
  classicDesign,
  cluster,
  recovery,
  flusher,
  flusherMysql,
  codes,
  best,
  redemptions,
  quotes,
  besideOrders,
  userTable,
];

const HELP = `npm run bench [-- flags]

  --quick             shorter and fewer runs, the same checks
  --json FILE         the rows as a JSON array, machine and versions first
  --only NAME         only the scenarios whose name begins with NAME; may be repeated
  --profile NAME      embedded or single (default), for http-won, -sold-out, -repeats, cross-check, ws-batches, quotes
  --inject-lost-row   deletes a stored row after a short run of won claims: the bench must exit 1
  --help

${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(18)}  ${about}`).join('\n')}
`;

/** Every process that must not outlive the bench listens to its end. */
const LISTENERS_MAX = 64;

interface Choice {
  readonly quick: boolean;
  readonly profile: Bench['profile'];
  readonly injectLostRow: boolean;
}

async function bench(scenarios: readonly Scenario[], choice: Choice): Promise<Row[]> {
  process.setMaxListeners(LISTENERS_MAX);
  const { quick, profile, injectLostRow } = choice;
  const stores = new Stores();
  const client = new LoadClient();
  const yardstick = await startYardstick();
  const rows: Row[] = [];
  const given: Bench = {
    effort: injectLostRow ? ONCE : quick ? QUICK : FULL,
    profile,
    client,
    yardstick,
    stores: () => stores.get(),
    injectLostRow,
    say: (line) => console.error(line),
    freshUsers: userSource(),
  };
  try {
    for (const scenario of scenarios) {
      try {
        rows.push(...(await scenario.run(given)));
      } catch (error) {
        // The others are still worth having; the bench fails all the same.
        const { stack, message } = error as Error;
        console.error(`${scenario.name} failed: ${stack ?? message}`);
        rows.push({ ...NO_FIGURES, name: scenario.name, verified: false, more: { failed: message } });
      }
    }
  } finally {
    client.stop();
    await yardstick.stop();
    await stores.stop();
  }
  return rows;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string', multiple: true },
      profile: { type: 'string', default: 'single' },
      'inject-lost-row': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const only = values.only ?? (values['inject-lost-row'] ? ['http-won'] : ['']);
  const chosen = SCENARIOS.filter(({ name }) => only.some((start) => name.startsWith(start)));
  if (chosen.length === 0) throw new Error(`no scenario begins with ${only.join(', ')}`);
  const { quick, profile } = values;
  if (profile !== 'embedded' && profile !== 'single')
    throw new Error(`--profile ${profile}: embedded or single`);
  const rows = await bench(chosen, { quick, profile, injectLostRow: values['inject-lost-row'] });
  console.log(table(rows));
  if (values.json !== undefined) writeJson(values.json, rows, { ...machine(), quick, profile });
  const bad = rows.filter((row) => row.verified === false);
  for (const row of bad) console.error(`${row.name}: not verified`);
  return bad.length > 0 ? 1 : 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 2;
  },
);
