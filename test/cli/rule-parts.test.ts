import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type RulePart, ruleParts } from '../../src/cli/import/rule-parts.ts';
import { IMPORT_BYTES_MAX } from '../../src/limits.ts';
import { seeded } from '../support/random.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-rules-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));
const file = path.join(directory, 'rules.csv');

async function partsOf(content: string | Uint8Array, linesMax = 3): Promise<RulePart[]> {
  fs.writeFileSync(file, content);
  const parts: RulePart[] = [];
  for await (const part of ruleParts(file, linesMax)) parts.push(part);
  return parts;
}

const shown = (parts: readonly RulePart[]) =>
  parts.map(({ bytes, firstLine, bytesTo }) => [Buffer.from(bytes).toString(), firstLine, bytesTo]);

describe('a file of rules in parts', () => {
  test('has its first row in each, and tells where in the file the rest of it is', async () => {
    expect(shown(await partsOf('h\r\n1\r\n2\r\n\r\n4\r\n5'))).toEqual([
      ['h\r\n1\r\n2\r\n\r\n', 2, 11],
      ['h\r\n4\r\n5', 5, 15],
    ]);
    expect(shown(await partsOf('\n \nh\n1\n2\n3\n'))).toEqual([['h\n1\n2\n3\n', 4, 11]]);
  });

  test('has one part if there are no rows', async () => {
    expect(shown(await partsOf('h'))).toEqual([['h', 2, 1]]);
    expect(shown(await partsOf('\n\nh\n'))).toEqual([['h\n', 4, 4]]);
  });

  test('is whole again when its parts are put together, wherever it was cut', async () => {
    const random = seeded('rule parts');
    const lines = Array.from({ length: 4_000 }, (_, i) => `${i}${'é'.repeat(random.below(300))}`);
    const content = ['id,rule', ...lines].join('\n');
    const parts = await partsOf(content, 257);
    expect(parts).toHaveLength(Math.ceil(4_000 / 257));
    let next = 2;
    let whole = 'id,rule\n';
    for (const { bytes, firstLine } of parts) {
      expect(firstLine).toBe(next);
      const text = Buffer.from(bytes).toString();
      expect(text.startsWith('id,rule\n')).toBe(true);
      whole += text.slice('id,rule\n'.length);
      next += 257;
    }
    expect(whole).toBe(content);
    expect(parts.at(-1)!.bytesTo).toBe(Buffer.byteLength(content));
  });

  test('of long lines fits the body of a request', async () => {
    const long = 'x'.repeat(IMPORT_BYTES_MAX / 4 - 1);
    const parts = await partsOf(`h\n${`${long}\n`.repeat(5)}`, 1_000);
    for (const { bytes } of parts) expect(bytes.length).toBeLessThan(IMPORT_BYTES_MAX);
    expect(parts.map(({ firstLine }) => firstLine)).toEqual([2, 3, 4, 5, 6]);
    await expect(partsOf(`h\n1\n${long}xxx`)).rejects.toThrow('line 3 has more than 4194304 bytes');
  });

  test('that is empty or not there is told so', async () => {
    await expect(partsOf('')).rejects.toThrow('is empty; its first row must name the columns');
    await expect(partsOf('\n \r\n')).rejects.toThrow('is empty; its first row must name the columns');
    fs.rmSync(file);
    const read = async () => {
      for await (const _ of ruleParts(file, 1));
    };
    await expect(read()).rejects.toThrow(/^cannot read .*ENOENT/);
  });
});
