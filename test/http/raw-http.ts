/** What no HTTP client sends: bytes on a socket, and all that comes back. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly text: string;
  /** The server has closed its side. */
  readonly closed: boolean;
}

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends `parts` one after the other and reads one answer, and the close when `untilClosed`. */
export async function exchange(
  port: number,
  parts: string | readonly (string | Uint8Array)[],
  options: { readonly untilClosed?: boolean } = {},
): Promise<RawAnswer> {
  const socket = await open(port);
  socket.on('error', () => {});
  const answered = new Promise<RawAnswer>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      if (options.untilClosed !== true && isComplete(text)) resolve({ ...parse(text), closed: false });
    });
    socket.on('close', () => resolve({ ...parse(text), closed: true }));
    socket.on('end', () => socket.end());
  });
  for (const part of typeof parts === 'string' ? [parts] : parts) {
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answer = await answered;
  socket.destroy();
  return answer;
}

function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /content-length: (\d+)/i.exec(text.slice(0, end));
  return Buffer.byteLength(text.slice(end + 4)) >= Number(length?.[1] ?? 0);
}

function parse(text: string): Omit<RawAnswer, 'closed'> {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines)
    headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 2);
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: text.slice(end + 4), text };
}
