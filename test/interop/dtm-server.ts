/** DTM itself, built from its Go module at a pinned version, with a file of its own as its store. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../services/free-port.ts';
import { LocalServer, type LocalServerOptions, startOnFreePort } from '../services/local-server.ts';

const MODULE = 'github.com/dtm-labs/dtm';
const VERSION = 'v1.19.0';
const PROGRAM = path.join(os.tmpdir(), `doorbuster-interop-dtm-${VERSION}`);
/** Instead of the module's own: without the admin pages, and without the registries of microservices it can join. */
const MAIN = `package main

import (
	"os"
	"os/signal"
	"syscall"

	"${MODULE}/dtmsvr/entry"
)

var version = "${VERSION}"

func main() {
	entry.Main(&version)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
}
`;

/** Some minutes the first time; then it is there. */
export function buildDtm(): void {
  if (fs.existsSync(PROGRAM)) return;
  const told = execFileSync('go', ['mod', 'download', '-json', `${MODULE}@${VERSION}`], { encoding: 'utf8' });
  const { Dir } = JSON.parse(told) as { Dir: string };
  const source = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-dtm-source-'));
  try {
    // Module caches are read-only.
    execFileSync('cp', ['-r', '--no-preserve=mode', `${Dir}/.`, source]);
    fs.writeFileSync(path.join(source, 'main.go'), MAIN);
    execFileSync('go', ['build', '-o', `${PROGRAM}.new`, '.'], { cwd: source, stdio: 'inherit' });
    fs.renameSync(`${PROGRAM}.new`, PROGRAM);
  } finally {
    fs.rmSync(source, { recursive: true, force: true });
  }
}

export interface Transaction {
  readonly status: string;
  readonly branches: readonly { readonly branch_id: string; readonly op: string; readonly status: string }[];
}

export class DtmServer extends LocalServer {
  private readonly ports: readonly [grpc: number, jsonRpc: number];

  private constructor(port: number, ports: readonly [number, number], options: LocalServerOptions) {
    super(port, options);
    this.ports = ports;
  }

  static async start(): Promise<DtmServer> {
    const ports = [await freePort(), await freePort()] as const;
    return startOnFreePort(undefined, (port) => new DtmServer(port, ports, {}));
  }

  async submit(saga: object): Promise<void> {
    const response = await fetch(`${this.url}/submit`, { method: 'POST', body: JSON.stringify(saga) });
    if (!response.ok) throw new Error(`DTM refused a saga: ${response.status} ${await response.text()}`);
  }

  async transaction(gid: string): Promise<Transaction> {
    const response = await fetch(`${this.url}/query?gid=${gid}`);
    const told = (await response.json()) as {
      transaction: { status: string };
      branches: Transaction['branches'];
    };
    return { status: told.transaction.status, branches: told.branches };
  }

  protected command(): readonly [string, readonly string[]] {
    return ['env', ['-C', this.dir, PROGRAM, '-c', 'conf.yml']];
  }

  protected prepare(): void {
    fs.mkdirSync(this.dir, { recursive: true });
    const [grpc, jsonRpc] = this.ports;
    const settings = {
      HttpPort: this.port,
      GrpcPort: grpc,
      JsonRpcPort: jsonRpc,
      TransCronInterval: 1,
      RequestTimeout: 2,
      LogLevel: 'error',
    };
    const text = Object.entries(settings).map(([name, value]) => `${name}: ${value}\n`);
    fs.writeFileSync(path.join(this.dir, 'conf.yml'), text.join(''));
  }

  protected async isAnswering(): Promise<boolean> {
    const response = await fetch(`${this.url}/version`).catch(() => null);
    return response?.ok === true && (await response.text()).includes(VERSION);
  }

  private get url(): string {
    return `http://127.0.0.1:${this.port}/api/dtmsvr`;
  }
}
