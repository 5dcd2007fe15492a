import type { Command } from 'commander';
import { blankEntry, ENTRY_WORDS, readEntry } from '../claimlog/entry.ts';
import { couponId } from '../domain/coupon-id.ts';
import { userIdText } from '../domain/user-id.ts';
import { CommandFailed } from './failure.ts';
import { findLogs } from './log/find-logs.ts';
import { inspectLog, type LogReport } from './log/inspect-log.ts';
import type { VisitEntries } from './log/inspect-segment.ts';
import { count, say, sayJson, table } from './output.ts';

interface Flags {
  readonly entries?: boolean;
  readonly json?: boolean;
}

const HELP = `
DIR is a DATA_DIR, its log directory, or the directory of one log. Reads only, also beside a running
server, whose last frame may then look torn. A torn end is what a crash leaves and is no failure; with
damage the exit code is 1. Damage in what the record store already has does not stop a start.`;

export function addLogCommand(program: Command): void {
  program
    .command('log')
    .description('Look into claim logs.')
    .command('inspect')
    .description('List segments, frames, claims, synced offsets and damage.')
    .argument('<dir>', 'where the log is')
    .option('--entries', 'print every claim too, in the order of the log')
    .option('--json', 'print JSON lines: {"log":…} for each log, {"claim":…} for each claim')
    .addHelpText('after', HELP)
    .action(inspect);
}

function inspect(directory: string, flags: Flags): void {
  const { root, logIds } = findLogs(directory);
  if (logIds.length === 0 && !flags.json) say(`no logs in ${root}: everything was flushed`);
  let damaged = 0;
  for (const logId of logIds) {
    const report = inspectLog(
      root,
      logId,
      flags.entries ? entryPrinter(logId, flags.json ?? false) : undefined,
    );
    if (flags.json) sayJson({ log: report });
    else sayLog(report);
    if (report.damage.length > 0) damaged++;
  }
  if (damaged > 0) throw new CommandFailed(`${damaged} of ${logIds.length} logs are damaged`);
}

/** A frame's claims are written at once. The code is the number its text is made from; the text needs the template. */
function entryPrinter(logId: number, json: boolean): VisitEntries {
  const entry = blankEntry();
  return (words, at, entries, offset) => {
    const lines: string[] = [];
    for (let i = 0; i < entries; i++) {
      readEntry(words, at + i * ENTRY_WORDS, entry);
      const { templateId, serial, activityId, code, keyLo, keyHi } = entry;
      const claim = {
        logId,
        offset,
        couponId: String(couponId(templateId, serial)),
        templateId: String(templateId),
        serial,
        activityId: activityId === 0 ? null : String(activityId),
        userId: userIdText(entry.userLo, entry.userHi),
        code,
        keyHash: keyLo === 0 && keyHi === 0 ? null : hex(keyHi) + hex(keyLo),
        claimedAt: timeText(entry.claimedAtMs),
      };
      lines.push(json ? JSON.stringify({ claim }) : claimText(claim));
    }
    if (lines.length > 0) say(lines.join('\n'));
  };
}

function claimText(claim: Readonly<Record<string, unknown>>): string {
  return Object.entries(claim)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function sayLog({ directory, segments, damage, strangers, ...log }: LogReport): void {
  say(`log ${log.logId}  ${directory}`);
  const head = ['SEGMENT', 'BYTES', 'FRAMES', 'CLAIMS', 'FROM', 'TO', 'SYNCED'];
  const rows = segments.map(({ file, bytes, frames, claims, from, to, synced }) => [
    file,
    ...[bytes, frames, claims, from, to, synced].map(count),
  ]);
  for (const line of table([head, ...rows], [1, 2, 3, 4, 5, 6])) say(`  ${line}`);
  say(`  ${count(log.claims)} claims; ends at ${count(log.end)}, synced up to ${count(log.synced)} at least`);
  for (const { file, gaps, replacedBytes } of segments) {
    for (const { atByte, bytes } of gaps)
      say(`  ${file}: no whole frame from byte ${count(atByte)}, ${count(bytes)} bytes`);
    if (replacedBytes > 0)
      say(`  ${file}: its last ${count(replacedBytes)} bytes are replaced by the next segment`);
  }
  if (log.torn) say('  torn: the last frame was never acknowledged, or is being written now');
  if (log.inDoubt)
    say(
      '  claims above the synced offset: being synced now, or else the next start copies and syncs them first',
    );
  for (const name of strangers) say(`  not a segment: ${name}`);
  for (const text of damage) say(`  DAMAGED: ${text}`);
}

/** Of what a damaged disk may hold, not every number is a time. */
function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? `${ms}` : time.toISOString();
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
