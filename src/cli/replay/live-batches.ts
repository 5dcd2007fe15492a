/** Batches of claims over one WebSocket /v1/live; answers are matched by id, so many may be under way at once. */
import WebSocket from 'ws';
import { refusalText, unreachable } from '../api-client.ts';
import { CommandFailed } from '../failure.ts';
import type { ServerTarget } from '../server-target.ts';

export interface BatchAnswer {
  /** `claimed`, `already_claimed` or the code of a refusal, one for each user. */
  readonly status: readonly string[];
  readonly couponIds: readonly (string | null)[];
  readonly couponCodes: readonly (string | null)[];
}

export interface BatchClaimer {
  claims(templateId: string, userIds: readonly string[]): Promise<BatchAnswer>;
}

interface Waiting {
  readonly users: number;
  readonly resolve: (answer: BatchAnswer) => void;
  readonly reject: (error: Error) => void;
}

interface Message {
  readonly op?: unknown;
  readonly id?: unknown;
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly status?: unknown;
  readonly couponIds?: unknown;
  readonly couponCodes?: unknown;
}

const CLOSE_NORMAL = 1000;

export class LiveBatches implements BatchClaimer {
  private readonly socket: WebSocket;
  private readonly target: ServerTarget;
  private readonly waiting = new Map<number, Waiting>();
  private failure: Error | null = null;
  private nextId = 1;

  private constructor(target: ServerTarget, socket: WebSocket) {
    this.target = target;
    this.socket = socket;
    socket.on('message', (data) => this.receive(String(data)));
    socket.on('error', (error) => this.fail(unreachable(target, error)));
    socket.on('close', (code, reason) => {
      const why = reason.length === 0 ? '' : `, ${reason}`;
      this.fail(
        new CommandFailed(
          `${target.url} closed the connection (${code}${why}); what was under way is unknown`,
        ),
      );
    });
  }

  /** Throws CommandFailed, with the server's reason when it gave one. */
  static open(target: ServerTarget): Promise<LiveBatches> {
    const socket = new WebSocket(`${target.url.replace(/^http/, 'ws')}/v1/live`, 'doorbuster.json', {
      perMessageDeflate: false,
      headers: target.token === null ? {} : { Authorization: `Bearer ${target.token}` },
    });
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        socket.off('error', onError);
        resolve(new LiveBatches(target, socket));
      });
      const onError = (error: Error): void => reject(unreachable(target, error));
      socket.once('error', onError);
      socket.once('unexpected-response', (request, response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => {
          reject(new CommandFailed(refusalText(response.statusCode ?? 0, text, target)));
          request.destroy();
        });
      });
    });
  }

  claims(templateId: string, userIds: readonly string[]): Promise<BatchAnswer> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { users: userIds.length, resolve, reject });
      this.socket.send(JSON.stringify({ op: 'claims', id, templateId, userIds }));
    });
  }

  close(): void {
    this.socket.removeAllListeners('close');
    this.socket.close(CLOSE_NORMAL);
  }

  private receive(text: string): void {
    const message = readMessage(text);
    const id = message?.id as number;
    const waiting = this.waiting.get(id);
    const answer = message === null || waiting === undefined ? null : readAnswer(message, waiting.users);
    if (waiting === undefined || answer === null) return this.fail(this.surprise(text));
    this.waiting.delete(id);
    waiting.resolve(answer);
  }

  private surprise(text: string): CommandFailed {
    return new CommandFailed(`${this.target.url} sent what was not asked for: ${text.slice(0, 200)}`);
  }

  /** The first failure is the one that is told; it ends whatever waits. */
  private fail(error: Error): void {
    if (this.failure !== null) return;
    this.failure = error;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    this.socket.terminate();
  }
}

function readMessage(text: string): Message | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Null when it is no answer to a batch of so many users. A refusal of the whole batch is one of each user. */
function readAnswer(message: Message, users: number): BatchAnswer | null {
  const { op, code, status, couponIds, couponCodes } = message;
  if (op === 'result' && typeof code === 'string') {
    const none = new Array<null>(users).fill(null);
    return { status: new Array<string>(users).fill(code), couponIds: none, couponCodes: none };
  }
  if (op !== 'results') return null;
  const arrays = [status, couponIds, couponCodes];
  if (!arrays.every((array) => Array.isArray(array) && array.length === users)) return null;
  return { status, couponIds, couponCodes } as BatchAnswer;
}
