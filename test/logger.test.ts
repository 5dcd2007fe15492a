import { expect, test } from 'vitest';
import { createLogger, StruckValues } from '../src/logger.ts';

function logged(
  secrets: (string | null)[],
  log: (logger: ReturnType<typeof createLogger>) => void,
  level = 'info',
) {
  const lines: string[] = [];
  log(
    createLogger({
      level,
      secrets: new StruckValues(secrets),
      to: { write: (line: string) => void lines.push(line) },
    }),
  );
  return lines;
}

test('one JSON object a line, with level and time', () => {
  const lines = logged([], (logger) => logger.info({ port: 8080 }, 'listening'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/\n$/);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 'info',
    port: 8080,
    msg: 'listening',
    time: expect.any(String),
  });
});

test('the level is obeyed', () => {
  expect(logged([], (logger) => logger.info('no'), 'warn')).toEqual([]);
});

test('known secrets never appear, wherever they stand', () => {
  const secret = 'quote"and\\slash-1234';
  const text = logged([secret, null, 'short'], (logger) => {
    logger.error(new Error(`cannot use ${secret}`));
    logger.child({ [secret]: secret }).warn({ deep: { er: [secret] } }, `twice ${secret} ${secret}, short`);
  });
  for (const line of text) {
    expect(JSON.stringify(JSON.parse(line))).not.toContain('slash-1234');
    expect(line).toContain('***');
  }
  expect(text[1]).toContain('short');
});

test('members that carry secrets are censored', () => {
  const [line] = logged([], (logger) =>
    logger.info({
      token: 'aaa',
      headers: { authorization: 'bbb', 'x-gateway-key': 'ccc' },
      'x-gateway-key': 'ddd',
    }),
  );
  for (const value of ['aaa', 'bbb', 'ccc', 'ddd']) expect(line).not.toContain(value);
});
