/** Changes of one template in their turn: in order, within bounds, and never begun for somebody who has gone. */
import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/catalog/turns.ts';
import { within } from '../support/wait.ts';

const LONG_MS = 60_000;
const SHORT_MS = 20;

function turns(patienceMs: number, waitingMax = 3): { line: Turns; unheard: unknown[] } {
  const unheard: unknown[] = [];
  return { line: new Turns({ waitingMax, patienceMs, onUnheard: (error) => unheard.push(error) }), unheard };
}

/** Work that ends when it is told to. */
function gate(): { work: () => Promise<string>; open: () => void; fail: (error: Error) => void } {
  let open = (): void => {};
  let fail = (_error: Error): void => {};
  const ended = new Promise<string>((resolve, reject) => {
    open = () => resolve('through');
    fail = reject;
  });
  return { work: () => ended, open, fail };
}

describe('changes asked for', () => {
  it('are made one after the other, whatever becomes of them', async () => {
    const { line } = turns(LONG_MS, 20);
    const log: number[] = [];
    const made = Array.from({ length: 20 }, (_, i) =>
      line.ask(1, async () => {
        log.push(i);
        await new Promise(setImmediate);
        log.push(i);
        if (i % 3 === 0) throw new Error(`change ${i}`);
        return i;
      }),
    );
    const outcomes = await Promise.allSettled(made);
    expect(log).toEqual(Array.from({ length: 40 }, (_, n) => n >> 1));
    for (const [i, outcome] of outcomes.entries()) {
      if (i % 3 === 0)
        expect(outcome).toMatchObject({ status: 'rejected', reason: new Error(`change ${i}`) });
      else expect(outcome).toEqual({ status: 'fulfilled', value: { kind: 'done', value: i } });
    }
  });

  it('do not wait for those of another template', async () => {
    const { line } = turns(LONG_MS);
    const { work, open } = gate();
    const slow = line.ask(1, work);
    expect(
      await within(
        line.ask(2, async () => 'other'),
        'another template',
      ),
    ).toMatchObject({ kind: 'done' });
    open();
    await slow;
  });

  it('are refused at once when too many wait', async () => {
    const { line } = turns(LONG_MS, 2);
    const { work, open } = gate();
    const first = line.ask(1, work);
    const waiting = [line.ask(1, async () => 'a'), line.ask(1, async () => 'b')];
    expect(await line.ask(1, async () => 'c')).toEqual({ kind: 'full' });
    open();
    expect(await Promise.all([first, ...waiting])).toMatchObject(Array(3).fill({ kind: 'done' }));
    expect(await line.ask(1, async () => 'd')).toEqual({ kind: 'done', value: 'd' });
  });

  it('are never begun when their turn comes too late, and leave their place', async () => {
    const { line } = turns(SHORT_MS, 1);
    const { work, open } = gate();
    const first = line.ask(1, work);
    let begun = 0;
    const count = async (): Promise<number> => ++begun;
    expect(await line.ask(1, count)).toEqual({ kind: 'late' });
    expect(await first).toEqual({ kind: 'unfinished' });
    const next = line.ask(1, count);
    open();
    expect(await next).toEqual({ kind: 'done', value: 1 });
  });

  it('have their failure told when nobody waits for it any more', async () => {
    const { line, unheard } = turns(SHORT_MS);
    const { work, fail } = gate();
    expect(await line.ask(1, work)).toEqual({ kind: 'unfinished' });
    fail(new Error('too late'));
    expect(await line.ask(1, async () => 'on')).toEqual({ kind: 'done', value: 'on' });
    expect(unheard).toEqual([new Error('too late')]);
  });
});

describe("the program's own work", () => {
  it('stands in line once for each name, however often it is asked for', async () => {
    const { line } = turns(LONG_MS);
    const { work, open } = gate();
    const first = line.ask(1, work);
    let ran = 0;
    const look = async (): Promise<void> => {
      ran++;
    };
    const asked = Array.from({ length: 1000 }, () => line.attend(1, 'look', look));
    asked.push(line.attend(1, 'other', look));
    open();
    await Promise.all([first, ...asked]);
    expect(ran).toBe(2);
  });

  it('is done once more when asked for while it is under way', async () => {
    const { line } = turns(LONG_MS);
    const { work, open } = gate();
    const seen: string[] = [];
    const running = line.attend(1, 'look', async () => {
      seen.push(await work());
    });
    const again = line.attend(1, 'look', async () => {
      seen.push('again');
    });
    open();
    await Promise.all([running, again]);
    expect(seen).toEqual(['through', 'again']);
  });

  it('leaves room for changes, and its failure does not stop the line', async () => {
    const { line } = turns(LONG_MS, 1);
    const { work, open } = gate();
    const first = line.ask(1, work);
    const failing = line.attend(1, 'look', async () => {
      throw new Error('away');
    });
    const change = line.ask(1, async () => 'made');
    open();
    await expect(failing).rejects.toThrow('away');
    expect(await change).toEqual({ kind: 'done', value: 'made' });
    await first;
  });
});
