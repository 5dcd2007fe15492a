/** What the profiles of one node have in common: its own logs are the truth, and its own flusher stores them. */

import type { TemplateView } from '../claims/template-view.ts';
import { isClusterLog, nextLocalLogId } from '../cluster/log-ids.ts';
import type { FromOwner } from '../workers/owner-messages.ts';
import { FlusherLink } from './flusher-link.ts';
import type { TopologyParts } from './topology.ts';

export class FlushedHere {
  readonly sink: FlusherLink;
  readonly sinkThread = 'flusher';
  readonly elsewhere = null;
  protected readonly parts: TopologyParts;

  constructor(parts: TopologyParts) {
    this.parts = parts;
    const { config, root, codeKey, flushSignal, connectStore, templates, onFlushed, logger } = parts;
    this.sink = new FlusherLink({
      logRoot: root,
      codeKey,
      segmentKeepMs: config.segmentKeepMs,
      waitingMax: config.lagLimitClaims / 2,
      signal: flushSignal,
      connectStore,
      extents: () => [...templates.values()].flatMap((view) => view.extents),
      onFlushed,
      logger,
    });
  }

  /** A cluster is left only when all that its nodes have logged is stored: what they wrote is not read again. */
  logsOf(onDisk: readonly number[]): number[] {
    return onDisk.filter((logId) => !isClusterLog(logId));
  }

  nextLogId(taken: readonly number[]): number {
    return nextLocalLogId(false, taken);
  }

  logStart(): number {
    return 0;
  }

  started(): void {
    this.sink.start();
  }

  stopping(): void {}

  concerns(owner: number, view: TemplateView): boolean {
    return view.actors.some((actor) => actor.owner === owner);
  }

  logsToRebuildFrom(oldLogs: readonly number[]): number[] {
    return [...oldLogs];
  }

  ownerTask(): null {
    return null;
  }

  ownerReady(): void {}

  fromOwner(_owner: number, message: Exclude<FromOwner, number>): void {
    throw new Error(`an owner of one node alone said ${message.kind}`);
  }

  askForCatalog(): boolean {
    return false;
  }

  lag(): number {
    let lag = 0;
    for (const view of this.parts.templates.values()) lag += view.claimedUnits - view.flushed;
    return lag;
  }

  streamPlace(): null {
    return null;
  }
}
