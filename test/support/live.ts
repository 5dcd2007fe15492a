/** A client of /v1/live in either subprotocol. */
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import type { Server } from './server.ts';
import { until, within } from './wait.ts';

export type Protocol = 'doorbuster.json' | 'doorbuster.msgpack';
// biome-ignore lint/suspicious/noExplicitAny: whatever the server sends is looked at by the tests
export type Message = Record<string, any>;

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

export class LiveClient {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  /** Code the connection was closed with. */
  closed: number | null = null;
  private readonly protocol: Protocol;
  private nextId = 1;

  private constructor(socket: WebSocket, protocol: Protocol) {
    this.socket = socket;
    this.protocol = protocol;
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary !== (protocol === 'doorbuster.msgpack')) throw new Error('an answer of the wrong kind');
      this.messages.push(isBinary ? packr.unpack(data) : JSON.parse(data.toString()));
    });
    socket.on('close', (code) => {
      this.closed = code;
    });
    socket.on('error', () => {});
  }

  static connect(
    server: Pick<Server, 'port'>,
    protocol: Protocol,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<LiveClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/live`, protocol, { headers });
    const client = new LiveClient(socket, protocol);
    const opened = new Promise<LiveClient>((resolve, reject) => {
      socket.once('open', () => resolve(client));
      socket.once('unexpected-response', (_, response) => {
        reject(new Error(`upgrade refused: ${response.statusCode}`));
      });
      socket.once('error', reject);
    });
    return within(opened, 'the live socket opens');
  }

  send(message: unknown): void {
    this.socket.send(this.protocol === 'doorbuster.json' ? JSON.stringify(message) : packr.pack(message));
  }

  /** Bytes as they are, in the frame type given. */
  raw(data: string | Buffer, binary: boolean): void {
    this.socket.send(data, { binary });
  }

  /** Sends with a new id and resolves with the answer that bears it. */
  async ask(message: Message): Promise<Message> {
    const id = this.nextId++;
    this.send({ ...message, id });
    return this.next((answer) => answer.id === id, `answer to ${JSON.stringify(message).slice(0, 100)}`);
  }

  /** The first message that fits, also one that came already; it is taken out. */
  next(fits: (message: Message) => boolean, what: string): Promise<Message> {
    return until(() => {
      const at = this.messages.findIndex(fits);
      if (at < 0 && this.closed !== null) throw new Error(`closed with ${this.closed} before: ${what}`);
      return at >= 0 && this.messages.splice(at, 1)[0];
    }, what);
  }

  close(): void {
    this.socket.terminate();
  }
}
