/** `doorbuster node list | forget`: works on the record store, so it works when no node does. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { readMysqlUrl } from '../config.ts';
import { MAY_SERVE_MS, type MemberRow, type NodeRow, SINGLE_NODE_FACT } from '../ports-cluster.ts';
import { CommandFailed, messageOf, UsageError } from './failure.ts';
import { say, sayJson, table } from './output.ts';

interface Flags {
  readonly mysqlUrl?: string;
  readonly json?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

interface KnownNode extends NodeRow {
  /** Shards of which claims may be nowhere but in this node's log. */
  readonly shards: readonly number[];
  /** The profile `single` belongs to it. */
  readonly isSingle: boolean;
}

export function addNodeCommand(program: Command): void {
  const node = program.command('node').description('Nodes of the profiles single and cluster.');
  node
    .command('list')
    .description('Who they are, when they were seen, and of which shards only they may have claims.')
    .option('--mysql-url <url>', 'the database (MYSQL_URL)')
    .option('--json', 'one JSON array')
    .action(list);
  node
    .command('forget <id>')
    .description('Give a node up for good. Says what may be lost first.')
    .option('--mysql-url <url>', 'the database (MYSQL_URL)')
    .option('--force', 'also when it was seen a moment ago')
    .option('--yes', 'do not ask')
    .action(forget);
}

async function list(flags: Flags): Promise<void> {
  const nodes = await withStore(flags, ({ nodes }) => nodes());
  if (flags.json) {
    sayJson(nodes);
    return;
  }
  if (nodes.length === 0) {
    say('no node has registered yet');
    return;
  }
  const rows = nodes.map((node) => [
    node.nodeId,
    node.host,
    node.state,
    `${Math.round(node.seenAgoMs / 1000)} s ago`,
    node.isSingle ? 'single' : node.shards.join(',') || '-',
  ]);
  for (const line of table([['ID', 'HOST', 'STATE', 'SEEN', 'NEEDED FOR SHARDS'], ...rows])) say(line);
}

async function forget(nodeId: string, flags: Flags): Promise<void> {
  await withStore(flags, async (store) => {
    const node = (await store.nodes()).find((known) => known.nodeId === nodeId);
    if (node === undefined) throw new CommandFailed(`there is no node ${nodeId}; see: doorbuster node list`);
    if (node.state === 'forgotten') {
      // It may have left something behind that only this takes away.
      await store.forget(nodeId);
      say(`node ${nodeId} is forgotten already`);
      return;
    }
    if (node.state === 'up' && node.seenAgoMs < MAY_SERVE_MS && flags.force !== true) {
      const seconds = Math.round(node.seenAgoMs / 1000);
      throw new CommandFailed(
        `node ${nodeId} was seen ${seconds} s ago and may be serving: stop it first, or give --force`,
      );
    }
    for (const line of mayBeLost(node)) say(line);
    if (flags.yes !== true && !(await agreed(nodeId))) throw new CommandFailed('nothing was changed');
    await store.forget(nodeId);
    say(`node ${nodeId} is forgotten: it must not serve under this id again`);
  });
}

function mayBeLost({ nodeId, host, seenAgoMs, shards, isSingle }: KnownNode): string[] {
  const seen = `node ${nodeId} on ${host} was last seen ${Math.round(seenAgoMs / 1000)} s ago`;
  if (isSingle) {
    return [
      seen,
      'the installation is bound to it (profile single): claims it acknowledged and had not flushed are only in its',
      'DATA_DIR, and are lost if that is gone. If you still have it, start the node there instead.',
    ];
  }
  if (shards.length === 0) return [seen, 'all its claims are stored: nothing is lost'];
  return [
    seen,
    `claims of shards ${shards.join(', ')} (templates by id modulo 16) may be only in its local log: those it`,
    'acknowledged that are in neither the record store nor a stream in Redis. While Redis has lost nothing, none are.',
    'If Redis has lost data, they are lost with this node. If you still have its DATA_DIR, start it there instead.',
  ];
}

async function agreed(nodeId: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('nobody can be asked here: give --yes');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`type the node's id to forget it: `);
  lines.close();
  return answer.trim() === nodeId;
}

interface NodeStore {
  nodes(): Promise<KnownNode[]>;
  forget(nodeId: string): Promise<void>;
}

async function withStore<T>(flags: Flags, work: (store: NodeStore) => Promise<T>): Promise<T> {
  const read = readMysqlUrl({ mysqlUrl: flags.mysqlUrl });
  if (!read.ok) throw new UsageError(['the configuration is not valid:', ...read.errors].join('\n  '));
  if (read.url === null) throw new UsageError('MYSQL_URL is not set: the profile embedded has no nodes');
  const { openMysqlStore } = await import('../records/mysql/mysql-store.ts');
  const { openMysqlFacts } = await import('../audit/collect-mysql.ts');
  const { url } = read;
  const store = await openMysqlStore(url).catch((error: unknown) => {
    throw new CommandFailed(`cannot open the database: ${messageOf(error)}`);
  });
  try {
    return await work({
      async nodes() {
        const facts = await openMysqlFacts(url);
        const single = await facts.fact(SINGLE_NODE_FACT).finally(() => facts.close());
        const members: readonly MemberRow[] = await store.members();
        return (await store.nodes()).map((node) => ({
          ...node,
          shards: members.filter(({ nodeId }) => nodeId === node.nodeId).map(({ shard }) => shard),
          isSingle: node.nodeId === single,
        }));
      },
      forget: (nodeId) => store.forgetNode(nodeId),
    });
  } finally {
    await store.close();
  }
}
