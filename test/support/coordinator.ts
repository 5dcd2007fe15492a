/**
 * A coordinator of sagas that behaves as DTM's does: it posts, goes by status and body, asks again after anything it does
 * not understand, and compensates for ever. The network in between loses calls and answers, doubles them, and delivers
 * some long afterwards.
 */
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from './random.ts';
import { ADMIN_TOKEN } from './server.ts';

/** A participant of ours, or one that is elsewhere and of which only its word is known. */
export type SagaStep =
  | { readonly action: string; readonly compensation: string; readonly payload: object }
  | { readonly refuses: boolean };

export interface Saga {
  readonly gid: string;
  readonly steps: readonly SagaStep[];
}

export interface SagaRunner {
  /** Answers that a participant must never give. */
  readonly faults: readonly string[];
  /** Whether it went through; otherwise all is compensated. */
  run(saga: Saga): Promise<boolean>;
  /** Resolves when nothing is under way any more. */
  settle(): Promise<void>;
}

export interface CoordinatorOptions {
  /** null while there is nobody to ask. */
  readonly port: () => number | null;
  readonly random: Random;
}

interface Call {
  readonly path: string;
  readonly isAction: boolean;
  readonly body: string;
}

/** again: nobody knows, or it was asked to come again. */
type Word = 'done' | 'refused' | 'again';

const AGAIN_MS = 20;
const ANSWER_MS = 10_000;
const OTHER_STATUSES = new Set([425, 503]);

export class Coordinator implements SagaRunner {
  readonly faults: string[] = [];
  calls = 0;
  private readonly options: CoordinatorOptions;
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  private readonly late: Call[] = [];
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(options: CoordinatorOptions) {
    this.options = options;
  }

  async run({ gid, steps }: Saga): Promise<boolean> {
    for (const [i, step] of steps.entries()) {
      if ('refuses' in step ? !step.refuses : await this.act(callOf(gid, i, step, true))) continue;
      for (let back = i; back >= 0; back--) {
        const undone = steps[back]!;
        if (!('refuses' in undone)) await this.compensate(callOf(gid, back, undone, false));
      }
      return false;
    }
    return true;
  }

  /** Delivers all that is late, twice and in any order; resolves when nothing is under way. */
  async settle(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      const left = [...this.late];
      while (left.length > 0) {
        const [call] = left.splice(this.options.random.below(left.length), 1);
        await this.untilHeard(call!);
      }
    }
    await Promise.all(this.underWay);
    this.agent.destroy();
  }

  private async act(call: Call): Promise<boolean> {
    const isPatient = this.chance(0.7);
    for (;;) {
      const word = await this.send(call);
      if (word !== 'again') return word === 'done';
      // Its time is up, and how far the call has come nobody knows.
      if (!isPatient) return false;
      await pause(AGAIN_MS);
    }
  }

  private async compensate(call: Call): Promise<void> {
    while ((await this.send(call)) !== 'done') await pause(AGAIN_MS);
  }

  private async send(call: Call): Promise<Word> {
    if (this.late.length > 0 && this.chance(0.3))
      this.forget(this.late.splice(this.options.random.below(this.late.length), 1)[0]!);
    if (this.chance(0.1)) this.late.push(call);
    if (this.chance(0.05)) {
      // On its way for long.
      this.late.push(call);
      return 'again';
    }
    if (this.chance(0.1)) {
      await this.post(call, this.options.random.below(10));
      return 'again';
    }
    if (this.chance(0.1)) this.forget(call);
    return this.post(call);
  }

  private forget(call: Call): void {
    const sent = this.untilHeard(call).finally(() => this.underWay.delete(sent));
    this.underWay.add(sent);
  }

  private async untilHeard(call: Call): Promise<void> {
    while ((await this.post(call)) === 'again') await pause(AGAIN_MS);
  }

  /** `lostMs`: the connection is cut after so long, answered or not. */
  private post({ path, isAction, body }: Call, lostMs?: number): Promise<Word> {
    const port = this.options.port();
    if (port === null) return Promise.resolve('again');
    this.calls++;
    return new Promise((resolve) => {
      const headers = {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        Authorization: `Bearer ${ADMIN_TOKEN}`,
      };
      const { agent } = this;
      const sent = http.request({ host: '127.0.0.1', port, method: 'POST', path, headers, agent });
      sent.setTimeout(lostMs ?? ANSWER_MS, () => sent.destroy());
      sent.on('error', () => resolve('again'));
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', () => resolve('again'));
        response.on('end', () => {
          const status = response.statusCode!;
          const word = wordOf(status, text);
          const isWrong = word === 'again' ? !OTHER_STATUSES.has(status) : word === 'refused' && !isAction;
          if (isWrong) this.faults.push(`${path} ${body}: ${status} ${text}`);
          resolve(word);
        });
      });
      sent.end(body);
    });
  }

  private chance(probability: number): boolean {
    return this.options.random.next() < probability;
  }
}

function callOf(
  gid: string,
  at: number,
  step: Exclude<SagaStep, { refuses: boolean }>,
  isAction: boolean,
): Call {
  const query = new URLSearchParams({
    dtm: 'http://localhost:36789/api/dtmsvr',
    gid,
    trans_type: 'saga',
    branch_id: String(at + 1).padStart(2, '0'),
    op: isAction ? 'action' : 'compensate',
  });
  return {
    path: `${isAction ? step.action : step.compensation}?${query}`,
    isAction,
    body: JSON.stringify(step.payload),
  };
}

/** As DTM's client reads an answer. */
function wordOf(status: number, text: string): Word {
  if (status === 425 || text.includes('ONGOING')) return 'again';
  if (status === 409 || text.includes('FAILURE')) return 'refused';
  return status === 200 ? 'done' : 'again';
}
