/**
 * One keep-alive connection with at most one request on it. Reads land in one buffer shared by all connections of
 * the process (`onread`), which skips the stream machinery: what a generator burns, the server can't have on a
 * machine of two cores.
 */
import net from 'node:net';
import { AnswerScanner } from './answer-scanner.ts';
import { type Ports, portOf } from './jobs.ts';

/** Answers are handled before the next read, so one buffer serves all connections. */
const READ_BUFFER = Buffer.allocUnsafe(64 * 1024);

export interface ConnectionEvents {
  answered(connection: LeanConnection): void;
  failed(error: Error): void;
}

export class LeanConnection {
  readonly answer = new AnswerScanner();
  /** Among the connections of its job, from 0. */
  readonly place: number;
  /** Whose request is under way. */
  userId = 0;
  /** Which request of the schedule is under way: open loop only. */
  index = 0;
  readonly #socket: net.Socket;
  #closing = false;

  constructor(port: number, place: number, connected: () => void, events: ConnectionEvents) {
    this.place = place;
    this.#socket = net.connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length, buffer) => {
          try {
            if (this.answer.feed(buffer as Buffer, length)) events.answered(this);
          } catch (error) {
            events.failed(error as Error);
          }
          return true;
        },
      },
    });
    this.#socket.once('connect', connected);
    this.#socket.on('error', (error) => {
      if (!this.#closing) events.failed(error);
    });
    this.#socket.on('close', () => {
      if (!this.#closing) events.failed(new Error('connection closed by the server'));
    });
  }

  send(userId: number, bytes: Uint8Array): void {
    this.userId = userId;
    this.#socket.write(bytes);
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }
}

/** Opens the connections of a job and resolves when all are up. */
export async function connectAll(
  job: Ports & { readonly connections: number },
  events: ConnectionEvents,
): Promise<LeanConnection[]> {
  const connections: LeanConnection[] = [];
  await new Promise<void>((resolve, reject) => {
    let up = 0;
    const guarded: ConnectionEvents = {
      answered: events.answered,
      failed: (error) => {
        reject(error);
        events.failed(error);
      },
    };
    const connected = () => {
      if (++up === job.connections) resolve();
    };
    for (let i = 0; i < job.connections; i++) {
      connections.push(new LeanConnection(portOf(job, i), i, connected, guarded));
    }
  });
  return connections;
}
