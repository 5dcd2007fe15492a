/** Redis and MySQL of the profiles and the peers: started when a scenario first asks, stopped with the bench. */
import { type Servers, startServers } from './peers/servers.ts';

export class Stores {
  #servers: Promise<Servers> | null = null;

  /** Redis writes its append-only file: acknowledged claims of the peers survive it, as Doorbuster's survive its log. */
  get(): Promise<Servers> {
    this.#servers ??= startServers({ appendOnly: true });
    return this.#servers;
  }

  async stop(): Promise<void> {
    const started = await this.#servers?.catch(() => null);
    await started?.stop();
  }
}
