/** Stands between a client and a database, and loses answers: what was sent arrives, the connection then breaks. */
import net from 'node:net';

export class LossyProxy {
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();
  private loseAnswerTo: string | null = null;
  lost = 0;

  private constructor(target: URL) {
    this.server = net.createServer((client) => {
      const upstream = net.connect(Number(target.port), target.hostname);
      let deaf = false;
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => this.sockets.delete(socket));
      }
      client.on('data', (chunk) => {
        if (this.loseAnswerTo !== null && chunk.includes(this.loseAnswerTo)) {
          this.loseAnswerTo = null;
          this.lost++;
          deaf = true;
        }
        upstream.write(chunk);
      });
      upstream.on('data', (chunk) => {
        if (deaf) client.destroy();
        else client.write(chunk);
      });
      client.on('close', () => upstream.end());
      upstream.on('close', () => client.destroy());
    });
  }

  static async before(url: string): Promise<{ proxy: LossyProxy; url: string }> {
    const target = new URL(url);
    const proxy = new LossyProxy(target);
    await new Promise<void>((resolve) => {
      proxy.server.listen(0, '127.0.0.1', resolve);
    });
    const own = new URL(url);
    own.port = String((proxy.server.address() as net.AddressInfo).port);
    return { proxy, url: own.href };
  }

  /** The server takes in the next thing that contains `text`, and nobody hears what it says to it. */
  loseNext(text: string): void {
    this.loseAnswerTo = text;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}
