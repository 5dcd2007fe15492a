/** Names of a shard's keys, as gate.lua describes them. The braces put all keys of a shard into one hash slot. */
import assert from 'node:assert/strict';
import type { PoolRef } from '../../ports.ts';

export class ShardKeys {
  readonly meta: string;
  readonly notices: string;
  private readonly shard: string;

  constructor(installation: string, shard: number) {
    // It stands in patterns of SCAN, too.
    assert(/^[\w.-]{1,64}$/.test(installation), `"${installation}" is no name for an installation`);
    this.shard = `{doorbuster:${installation}:${shard}}:`;
    this.meta = `${this.shard}meta`;
    this.notices = `${this.shard}notices`;
  }

  of(incarnation: number, name: string): string {
    return `${this.shard}${incarnation}:${name}`;
  }

  get pattern(): string {
    return `${this.shard}*`;
  }

  /** The incarnation a key belongs to, or null. */
  incarnationOf(key: string): number | null {
    const match = /^(\d+):/.exec(key.slice(this.shard.length));
    return key.startsWith(this.shard) && match !== null ? Number(match[1]) : null;
  }
}

export function poolName(ref: PoolRef): string {
  return `${ref.templateId}.${ref.activityId}`;
}

export function poolRef(name: string): PoolRef {
  const [templateId, activityId] = name.split('.').map(Number);
  return { templateId, activityId };
}
