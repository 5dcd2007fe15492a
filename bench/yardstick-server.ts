/**
 * The yardstick: a bare uWebSockets.js POST handler that answers a constant as long as a real claim's answer. What
 * this costs is what no server on this stack can go below. Quotes have a body, which is read, and a constant of their own:
 * one real answer, which the bench hands over. It runs as a process of its own and tells the CPU time of
 * its one thread on a second port, in the words of the real server's metrics.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { loadUws } from '../src/http/uws.ts';
import type { HttpResponse } from '../src/http/uws-types.ts';

const BODY = JSON.stringify({
  status: 'claimed',
  couponId: '4294967296000',
  couponCode: '010326111112345678',
  templateId: '1000',
  claimedAt: '2026-11-11T00:00:00.000Z',
  validFrom: '2026-11-11T00:00:00.000Z',
  validUntil: '2026-12-11T00:00:00.000Z',
});

function threadCpuSeconds(): number {
  // Read inside the thread it asks about; the first number is nanoseconds on CPU.
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e9;
}

function withBody(res: HttpResponse, use: (text: string) => void): void {
  let text = '';
  res.onAborted(() => {});
  res.onData((chunk, isLast) => {
    text += Buffer.from(chunk).toString('latin1');
    if (isLast) use(text);
  });
}

const port = Number(process.argv[2]);
const internalPort = Number(process.argv[3]);

const app = loadUws().App();
app.post('/*', (res) => {
  res.writeStatus('201 Created').writeHeader('content-type', 'application/json').end(BODY);
});
let quote = '';
app.post('/quote-answer', (res) => {
  withBody(res, (text) => {
    quote = text;
    res.end();
  });
});
app.post('/v1/quotes', (res) => {
  withBody(res, () => {
    res.writeStatus('200 OK').writeHeader('content-type', 'application/json').end(quote);
  });
});
app.listen('127.0.0.1', port, (socket) => {
  if (!socket) throw new Error(`port ${port} is taken`);
  http
    .createServer((_request, response) => {
      response.end(`doorbuster_thread_cpu_seconds_total{thread="ingress"} ${threadCpuSeconds()}\n`);
    })
    .listen(internalPort, '127.0.0.1');
});
