import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseJson } from '../http/body.ts';
import { callApi } from './api-client.ts';
import { CommandFailed, messageOf, UsageError } from './failure.ts';
import { count, say, sayJson, table } from './output.ts';
import { type ServerFlags, serverTarget, withServerOptions } from './server-target.ts';
import { addTemplateImportCommand } from './template-import-command.ts';
import { listTemplates, type TemplateJson } from './template-list.ts';

interface Flags extends ServerFlags {
  readonly json?: boolean;
}

interface ListFlags extends Flags {
  readonly status?: string;
  readonly productLine?: string;
  readonly q?: string;
}

const STDIN_FD = 0;

export function addTemplateCommand(program: Command): void {
  const template = program
    .command('template')
    .description('Create, import, list and publish coupon templates.');
  withServerOptions(
    template
      .command('create')
      .description('Create a template from a JSON file; - reads standard input.')
      .argument('<file>', 'the body of POST /v1/templates, or -')
      .option('--json', 'print the answer as JSON'),
  ).action(create);
  withServerOptions(
    template
      .command('list')
      .description('List templates, newest first.')
      .option('--status <status>', 'draft, published, disabled, ended or deleted')
      .option('--product-line <number>', '0 to 99')
      .option('--q <text>', 'a part of the name')
      .option('--json', 'print {"items":[…]}'),
  ).action(list);
  withServerOptions(
    template
      .command('publish')
      .description('Publish a draft, or enable a disabled template again.')
      .argument('<id>', 'id of the template')
      .option('--json', 'print the answer as JSON'),
  ).action(publish);
  addTemplateImportCommand(template);
}

async function create(file: string, flags: Flags): Promise<void> {
  const target = serverTarget(flags);
  const made = (await callApi(target, 'POST', '/v1/templates', readBody(file))) as TemplateJson;
  warnOf(made);
  if (flags.json) sayJson(made);
  else
    say(
      `created template ${made.id} "${made.name}" as a draft; next: doorbuster template publish ${made.id}`,
    );
}

async function list({ status, productLine, q, ...flags }: ListFlags): Promise<void> {
  const items = await listTemplates(serverTarget(flags), { status, productLine, q });
  for (const item of items) warnOf(item);
  if (flags.json) return sayJson({ items });
  if (items.length === 0) return say('no templates');
  const rows = items.map(({ id, status: state, stock, perUserLimit, discount, name }) => [
    id,
    state,
    count(stock),
    count(perUserLimit),
    discount.kind,
    name,
  ]);
  const head = ['ID', 'STATUS', 'STOCK', 'LIMIT', 'DISCOUNT', 'NAME'];
  for (const line of table([head, ...rows], [0, 2, 3])) say(line);
}

async function publish(id: string, flags: Flags): Promise<void> {
  if (!/^\d+$/.test(id)) throw new UsageError(`given ${JSON.stringify(id)}; allowed: the id of a template`);
  const published = (await callApi(
    serverTarget(flags),
    'POST',
    `/v1/templates/${id}/publish`,
  )) as TemplateJson;
  warnOf(published);
  if (flags.json) sayJson(published);
  else say(`template ${published.id} "${published.name}" is ${published.status}`);
}

/** What looks like a slip is told beside the answer, whatever form that has. */
function warnOf({ id, name, warnings = [] }: TemplateJson): void {
  for (const { field, problem } of warnings)
    process.stderr.write(`warning: template ${id} "${name}": ${field} ${problem}\n`);
}

/** The bytes as they are: read into values and written again, a number with many digits would be another one. */
function readBody(file: string): Uint8Array {
  const name = file === '-' ? 'standard input' : file;
  let body: Buffer;
  try {
    body = readFileSync(file === '-' ? STDIN_FD : file);
  } catch (error) {
    throw new CommandFailed(`cannot read ${name}: ${messageOf(error)}`);
  }
  const json = parseJson(body);
  if (!json.ok) throw new CommandFailed(`${name} is not JSON: ${json.problem.detail}`);
  return body;
}
