/** `doorbuster events`: what became of coupons, templates and activities, a line each, and on request for as long as it is let run. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { EventJson } from '../events/event-json.ts';
import { EVENTS_PAGE_MAX } from '../limits.ts';
import { callApi, ServerAway } from './api-client.ts';
import { say, sayJson } from './output.ts';
import { type ServerFlags, type ServerTarget, serverTarget, withServerOptions } from './server-target.ts';

interface Flags extends ServerFlags {
  readonly follow?: boolean;
  readonly after?: string;
  readonly json?: boolean;
}

interface Page {
  readonly items: readonly EventJson[];
  readonly next: string;
}

const POLL_MS = 500;
const AWAY_MS = 1_000;

export function addEventsCommand(program: Command): void {
  withServerOptions(
    program
      .command('events')
      .description(
        'What became of coupons, templates and activities, the oldest first: claimed, used, sold out and so on.',
      )
      .addOption(new Option('-f, --follow', 'wait for more; a server that restarts is waited for, too'))
      .option('--after <position>', 'begin behind it, or with what comes from now on: now')
      .option('--json', 'one JSON object per line'),
  ).action(events);
}

async function events(flags: Flags): Promise<void> {
  const target = serverTarget(flags);
  let after = flags.after;
  const tellPlace = (): void => {
    if (after !== undefined) process.stderr.write(`to go on from here: doorbuster events --after ${after}\n`);
  };
  if (flags.follow) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        tellPlace();
        process.exit(0);
      });
  }
  let isAway = false;
  for (;;) {
    let page: Page;
    try {
      page = await pageAfter(target, after);
    } catch (error) {
      if (!flags.follow || !(error instanceof ServerAway)) throw error;
      if (!isAway) process.stderr.write(`${error.message}; trying again\n`);
      isAway = true;
      await pause(AWAY_MS);
      continue;
    }
    isAway = false;
    for (const item of page.items) {
      if (flags.json) sayJson(item);
      else say(lineOf(item));
    }
    after = page.next;
    if (page.items.length > 0) continue;
    if (!flags.follow) return tellPlace();
    await pause(POLL_MS);
  }
}

async function pageAfter(target: ServerTarget, after: string | undefined): Promise<Page> {
  const query = new URLSearchParams({ limit: String(EVENTS_PAGE_MAX) });
  if (after !== undefined) query.set('after', after);
  return (await callApi(target, 'GET', `/v1/events?${query}`)) as Page;
}

function lineOf({
  at,
  type,
  eventId,
  userId,
  templateId,
  activityId,
  redemptionId,
  detail,
  stock,
}: EventJson): string {
  return [
    at,
    type.padEnd(8),
    eventId,
    ...(userId === undefined ? [] : [`user=${userId}`]),
    `template=${templateId}`,
    ...(activityId === undefined ? [] : [`activity=${activityId}`]),
    ...(redemptionId === undefined ? [] : [`redemption=${redemptionId}`]),
    ...(stock === undefined ? [] : [`stock=${stock}`]),
    ...(detail === undefined ? [] : [JSON.stringify(detail)]),
  ].join('  ');
}
