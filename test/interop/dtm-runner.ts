/** Has sagas run by DTM. Other participants are one small server, which does or refuses what it is told to. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Saga, SagaRunner } from '../support/coordinator.ts';
import { ADMIN_TOKEN } from '../support/server.ts';
import type { DtmServer } from './dtm-server.ts';

const LOOK_MS = 50;

export class DtmRunner implements SagaRunner {
  readonly faults: string[] = [];
  private readonly dtm: DtmServer;
  private readonly doorbuster: string;
  private readonly other: http.Server;

  private constructor(dtm: DtmServer, port: number, other: http.Server) {
    this.dtm = dtm;
    this.doorbuster = `http://127.0.0.1:${port}`;
    this.other = other;
  }

  /** `port`: of the server that is tried, which keeps it. */
  static async start(dtm: DtmServer, port: number): Promise<DtmRunner> {
    let calls = 0;
    const other = http.createServer((request, response) => {
      request.resume();
      // Now and then it is not well, and is asked again.
      const isWell = ++calls % 7 !== 0;
      response.statusCode = !isWell ? 500 : request.url!.startsWith('/refuse') ? 409 : 200;
      response.end();
    });
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    return new DtmRunner(dtm, port, other);
  }

  async run({ gid, steps }: Saga): Promise<boolean> {
    const elsewhere = `http://127.0.0.1:${(this.other.address() as AddressInfo).port}`;
    await this.dtm.submit({
      gid,
      trans_type: 'saga',
      steps: steps.map((step) =>
        'refuses' in step
          ? { action: `${elsewhere}/${step.refuses ? 'refuse' : 'do'}`, compensate: `${elsewhere}/undo` }
          : {
              action: `${this.doorbuster}${step.action}`,
              compensate: `${this.doorbuster}${step.compensation}`,
            },
      ),
      payloads: steps.map((step) => JSON.stringify('refuses' in step ? {} : step.payload)),
      retry_interval: 1,
      branch_headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    for (;;) {
      const { status } = await this.dtm.transaction(gid);
      if (status === 'succeed') return true;
      if (status === 'failed') return false;
      await pause(LOOK_MS);
    }
  }

  async settle(): Promise<void> {
    this.other.closeAllConnections();
    await new Promise((resolve) => {
      this.other.close(resolve);
    });
  }
}
