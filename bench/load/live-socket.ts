/**
 * As much of WebSocket (RFC 6455) as a load generator needs: upgrade, masked binary frames out, whole binary frames
 * in. Frames are masked with zero, which leaves the payload as it is; servers unmask it all the same.
 */
import { randomBytes } from 'node:crypto';
import net from 'node:net';

const OP_BINARY = 2;
const OP_CLOSE = 8;
const OP_PING = 9;

export interface LiveSocketEvents {
  open(): void;
  /** Valid only inside the call. */
  message(payload: Buffer): void;
  failed(error: Error): void;
}

/** Header bytes of a client frame; the payload is to follow at once. */
export function frameHeader(opcode: number, length: number): Buffer {
  const mask = [0, 0, 0, 0];
  if (length < 126) return Buffer.from([0x80 | opcode, 0x80 | length, ...mask]);
  if (length > 0xffff) throw new Error('frames of this client stay below 64 KiB');
  return Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff, ...mask]);
}

export class LiveSocket {
  readonly #socket: net.Socket;
  readonly #events: LiveSocketEvents;
  #pending: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #closing = false;

  constructor(port: number, path: string, headers: Record<string, string>, events: LiveSocketEvents) {
    this.#events = events;
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const lines = Object.entries({
      host: '127.0.0.1',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    this.#socket.on('data', (chunk) => {
      try {
        this.#read(chunk);
      } catch (error) {
        events.failed(error as Error);
      }
    });
    this.#socket.on('error', (error) => this.#lost(error));
    this.#socket.on('close', () => this.#lost(new Error('live socket closed by the server')));
  }

  send(frame: Buffer): void {
    this.#socket.write(frame);
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #lost(error: Error): void {
    if (!this.#closing) this.#events.failed(error);
  }

  #read(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#upgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end === -1) {
        this.#pending = bytes;
        return;
      }
      const status = bytes.toString('latin1', 9, 12);
      if (status !== '101') throw new Error(`upgrade refused: ${bytes.toString('latin1', 0, 400)}`);
      this.#upgraded = true;
      bytes = bytes.subarray(end + 4);
      this.#events.open();
    }
    let at = 0;
    while (at + 2 <= bytes.length) {
      let length = bytes[at + 1]! & 0x7f;
      let from = at + 2;
      if (length === 126) {
        if (at + 4 > bytes.length) break;
        length = bytes.readUInt16BE(at + 2);
        from = at + 4;
      } else if (length === 127) {
        throw new Error('frame larger than this client reads');
      }
      if (from + length > bytes.length) break;
      this.#frame(bytes[at]!, bytes.subarray(from, from + length));
      at = from + length;
    }
    this.#pending = bytes.subarray(at);
  }

  #frame(head: number, payload: Buffer): void {
    const opcode = head & 0x0f;
    if ((head & 0x80) === 0) throw new Error('fragmented frames are not read by this client');
    if (opcode === OP_BINARY) this.#events.message(payload);
    else if (opcode === OP_PING)
      this.#socket.write(Buffer.concat([frameHeader(10, payload.length), payload]));
    else if (opcode === OP_CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 0;
      throw new Error(`server closed the socket: ${code} ${payload.toString('utf8', 2)}`);
    }
  }
}
