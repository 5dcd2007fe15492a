/**
 * Which code of a batch is wrong, before it is stored. Whoever sells units tells of their codes first, but a thread that
 * did not get to run for a while may be woken by the sync of their claims before it is handed the message about them:
 * the two come by different ways. So nothing is called wrong before all messages that wait have been taken in.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { CodeCheck, WrongCode } from '../claimlog/code-check.ts';

/** The first wrong one of `entries`, or null. `take` is given each message that waits at `inbox`, as its listener would be. */
export function firstWrongCode<Message>(
  check: CodeCheck,
  entries: Uint8Array,
  inbox: MessagePort,
  take: (message: Message) => void,
): WrongCode | null {
  if (check.wrongCodes(entries).length === 0) return null;
  for (let told = receiveMessageOnPort(inbox); told !== undefined; told = receiveMessageOnPort(inbox))
    take(told.message as Message);
  return check.wrongCodes(entries)[0] ?? null;
}
