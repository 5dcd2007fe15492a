/** Commands that ask a server, against stand-ins that answer one thing or are not there at all. */
import fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { runCli } from '../support/server.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-cli-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

function fileOf(name: string, text: string): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
}

/** Nothing listens there. */
async function unusedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A server that answers everything with this; the requests it saw. */
async function answering(
  status: number,
  body: unknown,
): Promise<{ url: string; seen: string[]; bodies: string[]; close: () => void }> {
  const seen: string[] = [];
  const bodies: string[] = [];
  const server = createServer(async (req, res) => {
    seen.push(`${req.method} ${req.url} ${req.headers.authorization ?? 'without token'}`);
    bodies.push(await text(req));
    res.writeHead(status, { 'Content-Type': 'application/problem+json' });
    res.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    bodies,
    close: () => server.closeAllConnections() ?? server.close(),
  };
}

describe('a command that talks to a server', () => {
  test.each([[['template', 'list']], [['template', 'publish', '1']], [['audit']]])(
    '%j says which server it cannot reach: exit 1',
    async (args) => {
      const url = await unusedUrl();
      const { code, stdout, stderr } = await runCli([...args, '--url', url]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(`error: cannot reach ${url}: connection refused; is the server running there?\n`);
    },
  );

  test('replay says so too', async () => {
    const url = await unusedUrl();
    const file = fileOf('one.csv', 'User_id,Coupon_id,Discount_rate\n1,2,30:5\n');
    for (const args of [
      ['replay', file],
      ['replay', file, '--create-templates'],
    ]) {
      const { code, stderr } = await runCli(args, { DOORBUSTER_URL: url });
      expect([code, stderr]).toEqual([
        1,
        `error: cannot reach ${url}: connection refused; is the server running there?\n`,
      ]);
    }
  });

  test('takes the token given, else the variable, else the one in DATA_DIR', async () => {
    const server = await answering(200, { items: [], next: null });
    const dataDir = path.join(directory, 'data');
    fs.mkdirSync(dataDir);
    const list = (args: string[], env: Record<string, string>) =>
      runCli(['template', 'list', '--url', server.url, ...args], { DATA_DIR: dataDir, ...env });
    await list([], {});
    fs.writeFileSync(path.join(dataDir, 'admin-token'), 'of-the-directory\n');
    await list([], {});
    await list([], { DOORBUSTER_TOKEN: 'of-the-variable' });
    const { code, stdout } = await list(['--token', 'of-the-flag'], { DOORBUSTER_TOKEN: 'of-the-variable' });
    expect([code, stdout]).toEqual([0, 'no templates\n']);
    expect(server.seen.map((line) => line.split(' ').slice(2).join(' '))).toEqual([
      'without token',
      'Bearer of-the-directory',
      'Bearer of-the-variable',
      'Bearer of-the-flag',
    ]);
    server.close();
  });

  test('renders a problem, and says what to do about a missing token', async () => {
    const server = await answering(401, {
      type: 'https://doorbuster.dev/problems/unauthenticated',
      title: 'Credentials required',
      status: 401,
      code: 'unauthenticated',
      detail: 'Send a token.',
    });
    const { code, stderr } = await runCli(['template', 'list', '--url', server.url], { DATA_DIR: directory });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: Credentials required (unauthenticated, HTTP 401): Send a token.\n  no token was given: --token or DOORBUSTER_TOKEN\n',
    );
    server.close();
  });

  test('lists wrong fields one by one, and survives what is no problem answer', async () => {
    const errors = [
      { field: 'stock', problem: 'is -1', allowed: 'an integer from 0 to 100000000' },
      { field: 'name', problem: 'is missing', allowed: 'text' },
    ];
    const wrong = await answering(400, {
      title: 'Invalid request',
      status: 400,
      code: 'invalid_request',
      detail: '…',
      errors,
    });
    const file = fileOf('template.json', '{"stock":-1}');
    const { stderr } = await runCli(['template', 'create', file, '--url', wrong.url]);
    expect(stderr).toBe(
      'error: Invalid request (invalid_request, HTTP 400)\n' +
        '  stock: is -1; allowed: an integer from 0 to 100000000\n  name: is missing; allowed: text\n',
    );
    wrong.close();
    const proxy = await answering(502, '<html>Bad Gateway</html>');
    const other = await runCli(['template', 'list', '--url', proxy.url]);
    expect([other.code, other.stderr]).toEqual([
      1,
      `error: ${proxy.url} answered 502: <html>Bad Gateway</html>\n`,
    ]);
    proxy.close();
    const page = await answering(200, '<html>');
    expect((await runCli(['template', 'list', '--url', page.url])).stderr).toContain('is it a doorbuster?');
    page.close();
  });

  test('names a file it cannot read or that is no JSON', async () => {
    const missing = await runCli(['template', 'create', path.join(directory, 'none.json')]);
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('none.json: ENOENT')]);
    const bad = await runCli(['template', 'create', fileOf('bad.json', '{"name":')]);
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('bad.json is not JSON')]);
  });

  test('sends a template as it stands in the file, and tells its warnings beside the answer', async () => {
    const problem = 'is 500: it takes 95 % off, 5 % are paid';
    const template = { id: '3', name: 'x', status: 'draft', warnings: [{ field: 'discount.rate', problem }] };
    const server = await answering(201, template);
    const body = '{ "audience": {"userIds":[9007199254740990.6]}, "name": "e\u0301" }\n';
    for (const args of [
      ['create', fileOf('template.json', body)],
      ['publish', '3'],
    ]) {
      const told = `warning: template 3 "x": discount.rate ${problem}\n`;
      const plain = await runCli(['template', ...args, '--url', server.url]);
      expect([plain.code, plain.stderr]).toEqual([0, told]);
      const json = await runCli(['template', ...args, '--url', server.url, '--json']);
      expect([json.code, json.stderr, JSON.parse(json.stdout)]).toEqual([0, told, template]);
    }
    server.close();
    expect(server.bodies).toEqual([body, body, '', '']);
  });
});
