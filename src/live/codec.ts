/** The two subprotocols of /v1/live: JSON text, and plain MessagePack maps that any client can read. */
import { Packr } from 'msgpackr';
import { parseExactJson } from '../domain/exact-json.ts';

export type Protocol = 'doorbuster.json' | 'doorbuster.msgpack';

// Without records: those are an extension that other languages' clients do not know.
const packr = new Packr({ useRecords: false, mapsAsObjects: true });
const UTF8 = new TextDecoder('utf-8', { fatal: true });

export function isProtocol(name: string): name is Protocol {
  return name === 'doorbuster.json' || name === 'doorbuster.msgpack';
}

/** The message as a plain value; undefined when it is none. */
export function decode(protocol: Protocol, message: ArrayBuffer, isBinary: boolean): unknown {
  if (isBinary !== (protocol === 'doorbuster.msgpack')) return undefined;
  try {
    if (isBinary) return packr.unpack(Buffer.from(message));
    return parseExactJson(UTF8.decode(message));
  } catch {
    return undefined;
  }
}

export function encode(protocol: Protocol, value: unknown): string | Buffer {
  return protocol === 'doorbuster.json' ? JSON.stringify(value) : packr.pack(value);
}
