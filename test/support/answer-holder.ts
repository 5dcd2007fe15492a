/**
 * Stands between a node and its database and keeps one answer back: what was asked for is done, and whoever asked waits
 * for ever. A process that is killed then is killed exactly there.
 */
import net from 'node:net';

export class AnswerHolder {
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();
  private after: string | null = null;
  private reached: () => void = () => {};

  private constructor(target: URL) {
    this.server = net.createServer((client) => this.join(client, net.connect(+target.port, target.hostname)));
  }

  /** → where to reach the same database through it. */
  static async before(url: string): Promise<{ holder: AnswerHolder; url: string }> {
    const holder = new AnswerHolder(new URL(url));
    await new Promise<void>((resolve) => {
      holder.server.listen(0, '127.0.0.1', resolve);
    });
    const own = new URL(url);
    own.hostname = '127.0.0.1';
    own.port = String((holder.server.address() as net.AddressInfo).port);
    return { holder, url: own.href };
  }

  /**
   * Keeps back the answer to the COMMIT of the next transaction that contains `text`. Resolves when the database has
   * given it: all is committed then.
   */
  keepCommitAfter(text: string): Promise<void> {
    this.after = text;
    return new Promise((resolve) => {
      this.reached = resolve;
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private join(client: net.Socket, upstream: net.Socket): void {
    let isMeant = false;
    let isKept = false;
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      // The other end is told by `close`, which follows.
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      if (this.after !== null && chunk.includes(this.after)) {
        this.after = null;
        isMeant = true;
      }
      if (isMeant && chunk.includes('COMMIT')) isKept = true;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (isKept) this.reached();
      else client.write(chunk);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  }
}
