/** The table in the source and the page for those who get the answers say the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/problems.ts';

const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');
const documented = new Map(
  [...page.matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+) \| (.+) \|$/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]),
);

describe('docs/problems.md', () => {
  it('has every code with its status, and no other', () => {
    const inSource = Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]);
    expect([...documented].sort()).toEqual(inSource.sort());
  });
});
