/**
 * One keep-alive HTTP connection, one request at a time. Made by hand because these tests must know exactly which
 * requests were sent and never answered, and because a crowd of them must cost little.
 */
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members the server may or may not send
  readonly json: any;
}

export interface Request {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class ConnectionLost extends Error {
  override name = 'ConnectionLost';
}

interface Waiter {
  readonly asked: string;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export class Connection {
  readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private waiter: Waiter | null = null;
  lost = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.lost = true;
      const { waiter } = this;
      this.waiter = null;
      waiter?.reject(new ConnectionLost(`the connection ended before the answer to ${waiter.asked}`));
    });
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      const failed = (): void => reject(new ConnectionLost('cannot connect'));
      socket.once('error', failed);
      socket.once('connect', () => {
        socket.off('error', failed);
        resolve(new Connection(socket));
      });
    });
  }

  /** Rejects with ConnectionLost when the connection ends before the answer. */
  request({ method = 'GET', path, headers = {}, body }: Request): Promise<Answer> {
    if (this.lost) return Promise.reject(new ConnectionLost('the connection has ended'));
    if (this.waiter !== null) throw new Error('one request at a time');
    let head = `${method} ${path} HTTP/1.1\r\nHost: test\r\n`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    if (body !== undefined) head += `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      this.waiter = { asked: `${method} ${path}`, resolve, reject };
      this.socket.write(`${head}\r\n${body ?? ''}`);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const [first, ...lines] = this.received.toString('latin1', 0, headEnd).split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const end = headEnd + 4 + Number(headers['content-length'] ?? 0);
    if (this.received.length < end) return;
    const text = this.received.toString('utf8', headEnd + 4, end);
    this.received = this.received.subarray(end);
    const isJson = /json/.test(headers['content-type'] ?? '');
    const answer = {
      status: Number(first.split(' ')[1]),
      headers,
      text,
      json: isJson ? JSON.parse(text) : null,
    };
    const { waiter } = this;
    this.waiter = null;
    waiter?.resolve(answer);
  }
}

/** Runs `work` for every item over `connections` connections; a failure ends it. */
export async function overMany<T>(
  port: number,
  items: Iterable<T>,
  work: (connection: Connection, item: T) => Promise<void>,
  connections = 16,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    let next = iterator.next();
    if (next.done === true) return;
    const connection = await Connection.open(port);
    try {
      for (; next.done !== true; next = iterator.next()) await work(connection, next.value);
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
}
