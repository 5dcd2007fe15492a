/** An option that is told of is one that does something, and nothing else is told of. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { OPTIONS, secretsHelp, serveFlags } from '../src/config-options.ts';

const root = path.join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const names = Object.values(OPTIONS).map(({ name }) => name);

/** Everything that runs but the reading of the configuration itself. */
const program = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(config(-\w+)?|logger)\.ts$/.test(file))
  .map((file) => read(path.join('src', file)))
  .join('\n');

test.each(Object.keys(OPTIONS))('%s is read by the program', (member) => {
  expect(new RegExp(`\\b${member}\\b`).test(program)).toBe(true);
});

test('the help tells of nothing that is not there', () => {
  const help = [...serveFlags().map(({ description }) => description), secretsHelp()].join('\n');
  expect(help).not.toMatch(/grpc|console/i);
  for (const [name] of help.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g))
    expect([...names, 'NAME_FILE']).toContain(name);
});

test.each(['README.md', 'docs/operations.md', 'docs/ARCHITECTURE.md'])(
  '%s names only variables that exist',
  (file) => {
    for (const [, name] of read(file).matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g))
      expect([...names, 'NAME_FILE']).toContain(name);
  },
);

test('what compose.yaml sets for the nodes exists', () => {
  const node = /^x-node:[\s\S]*?^ {2}environment:\n([\s\S]*?)^ {2}\w/m.exec(read('deploy/compose.yaml'))![1];
  const set = [...node.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name]) => name);
  expect(set.length).toBeGreaterThan(5);
  expect(names).toEqual(expect.arrayContaining(set));
});
