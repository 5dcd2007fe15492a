/**
 * A connection as its user has it: calls arrive and answers come back in order, and anything may be lost on the way.
 * What a call does may then have happened, may happen later, or never; its user only sees that it failed.
 */
import { Injected } from '../faults.ts';
import type { Random } from '../random.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Thread } from './thread.ts';

export type Fate = 'arrives' | 'requestLost' | 'replyLost' | 'requestLate' | 'refused';

/** What stands at the other end. */
export interface Server {
  readonly scheduler: Scheduler;
  readonly random: Random;
  fate(nodeId: string): Fate;
  /** How late a late request is. */
  latenessUs(nodeId: string): number;
  /** Runs it now, or when the server goes on, or never. */
  serve(run: () => void): 'now' | 'waits' | 'never';
  /** Connections of before a restart carry nothing any more. */
  readonly connection: number;
  saw(fate: Fate): void;
  readonly delayUs: number;
}

/** After this long a caller gives up. */
const TIMEOUT_US = 1_000_000;

export class Line {
  private readonly server: Server;
  private readonly thread: Thread;
  private readonly nodeId: string;
  private arrivesUs = 0;
  private returnsUs = 0;

  constructor(server: Server, thread: Thread, nodeId: string) {
    this.server = server;
    this.thread = thread;
    this.nodeId = nodeId;
  }

  /** `execute` happens at the server; what it throws is an answer too. */
  call<T>(execute: () => T): Promise<T> {
    const { server, thread } = this;
    const { scheduler, random, connection } = server;
    if (thread.isGone) return new Promise(() => {});
    const fate = server.fate(this.nodeId);
    if (fate !== 'arrives') server.saw(fate);
    return new Promise((resolve, reject) => {
      const giveUp = (delayUs: number): void =>
        thread.later(delayUs, () => reject(new Injected(`no answer: ${fate}`)));
      if (fate === 'refused') {
        giveUp(random.chance(0.2) ? TIMEOUT_US : random.skewed(50, 5_000));
        return;
      }
      if (fate === 'requestLost') {
        giveUp(random.chance(0.5) ? TIMEOUT_US : random.skewed(100, 50_000));
        return;
      }
      const run = (): void => {
        if (server.connection !== connection) {
          giveUp(random.skewed(50, 5_000));
          return;
        }
        const served = server.serve(() => {
          let answer: () => void;
          try {
            const value = execute();
            answer = () => resolve(value);
          } catch (error) {
            answer = () => reject(error);
          }
          if (fate !== 'arrives' || server.connection !== connection) return;
          this.returnsUs = Math.max(this.returnsUs, scheduler.nowUs + random.skewed(30, server.delayUs));
          scheduler.at(this.returnsUs, () => thread.enter(answer));
        });
        if (served !== 'now') giveUp(TIMEOUT_US);
      };
      if (fate === 'requestLate') {
        giveUp(random.chance(0.5) ? TIMEOUT_US : random.skewed(100, 50_000));
        scheduler.later(server.latenessUs(this.nodeId), run);
        return;
      }
      this.arrivesUs = Math.max(this.arrivesUs, scheduler.nowUs + random.skewed(30, server.delayUs));
      if (fate === 'replyLost') giveUp(TIMEOUT_US);
      scheduler.at(this.arrivesUs, run);
    });
  }
}
