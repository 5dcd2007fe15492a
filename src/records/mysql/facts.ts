/** Small facts about the installation, kept as they were first told. */
import { failureOf } from './failures.ts';
import type { MysqlPool } from './pool.ts';
import type { Session } from './session.ts';

export async function keepFact(pool: MysqlPool, name: string, valueIfNew: string): Promise<string> {
  return pool.read(async (session) => {
    const known = await readFact(session, name);
    if (known !== null) return known;
    try {
      await session.run('INSERT INTO facts (name, value) VALUES (?, ?)', [name, valueIfNew]);
      return valueIfNew;
    } catch (error) {
      if (failureOf(error) !== 'duplicate') throw error;
      return (await readFact(session, name))!;
    }
  });
}

export async function readFact(session: Session, name: string): Promise<string | null> {
  const row = await session.row('SELECT value FROM facts WHERE name = ?', [name]);
  return row === undefined ? null : String(row[0]);
}
