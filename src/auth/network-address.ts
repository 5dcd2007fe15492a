/**
 * Network addresses as text → bytes, so that one client is one address however it is written. What proxies put into
 * X-Forwarded-For: IPv4 and IPv6 (RFC 4291 §2.2), in brackets or not, with a port or not, with a zone.
 */

/** 4 or 16 bytes in network order; null for what is no address. IPv4 shown as IPv6 (::ffff:a.b.c.d) is IPv4. */
export function parseAddress(text: string): Uint8Array | null {
  let bare = text.trim();
  if (bare.startsWith('[')) {
    const match = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(bare);
    if (match === null) return null;
    bare = match[1]!;
    return bare.includes(':') ? parseIpv6(bare) : null;
  }
  const colon = bare.indexOf(':');
  if (colon >= 0 && bare.indexOf(':', colon + 1) >= 0) return parseIpv6(bare);
  // One colon: IPv4 with a port.
  if (colon >= 0) {
    if (!/^\d{1,5}$/.test(bare.slice(colon + 1))) return null;
    bare = bare.slice(0, colon);
  }
  return parseIpv4(bare);
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    // Leading zeros are octal to some readers and decimal to others.
    if (!/^(0|[1-9]\d{0,2})$/.test(parts[i]!)) return null;
    const byte = Number(parts[i]);
    if (byte > 255) return null;
    bytes[i] = byte;
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | null {
  const zone = text.indexOf('%');
  if (zone === text.length - 1) return null;
  const halves = (zone < 0 ? text : text.slice(0, zone)).split('::');
  if (halves.length > 2) return null;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : groups(halves[1]!, true);
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  // `::` stands for at least one group.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** The bytes of groups separated by colons; `last`: they end the address, so the final one may be written as IPv4. */
function groups(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const bytes: number[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (last && i === parts.length - 1 && part.includes('.')) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === null) return null;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    }
  }
  return bytes.length > 16 ? null : bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}
