/** Coupon codes on one core: the values as slices need them, and the texts as answers show them. */
import { randomBytes } from 'node:crypto';
import { CodeBook, CodeIndex } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import type { Bench, Scenario } from './scenario.ts';

const RUN = 65_536;
const DECODED = 10_000;

async function run(bench: Bench): Promise<Row[]> {
  const count = bench.effort.codes;
  const extent: CodeExtent = { templateId: 1, firstSerial: 0, length: count, space: '0103261111', offset: 0 };
  const book = new CodeBook(randomBytes(32));
  const lo = new Uint32Array(count);
  const hi = new Uint16Array(count);
  // Once before the clock runs, for the compiler.
  book.fill(extent, 0, Math.min(RUN, count), lo, hi, 0);

  const cpuBefore = process.cpuUsage();
  const fromMs = performance.now();
  for (let at = 0; at < count; at += RUN) book.fill(extent, at, Math.min(RUN, count - at), lo, hi, at);
  const seconds = (performance.now() - fromMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);

  const textFromMs = performance.now();
  const codes = Array.from(lo, (low, i) => book.codeText(extent.space, hi[i]! * 2 ** 32 + low));
  const textSeconds = (performance.now() - textFromMs) / 1000;

  const wrong: string[] = [];
  if (new Set(codes).size !== count) wrong.push('two units have one code');
  const index = new CodeIndex([extent]);
  const step = Math.max(1, Math.floor(count / DECODED));
  for (let serial = 0; serial < count; serial += step) {
    const unit = book.decode(codes[serial]!, index);
    if (unit?.serial !== serial) wrong.push(`code of serial ${serial} decodes to ${unit?.serial}`);
  }
  return [
    {
      ...NO_FIGURES,
      name: 'codes',
      rps: count / seconds,
      cpuUsPerRequest: (cpu.user + cpu.system) / count,
      verified: wrong.length === 0,
      more: {
        codes: count,
        textsPerSecond: count / textSeconds,
        ...(wrong.length > 0 ? { wrong: wrong.slice(0, 10) } : {}),
      },
    },
  ];
}

export const codes: Scenario = { name: 'codes', about: 'coupon codes a second on one core', run };
