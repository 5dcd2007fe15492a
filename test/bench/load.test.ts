import { afterEach, describe, expect, it, vi } from 'vitest';
import { AnswerScanner } from '../../bench/load/answer-scanner.ts';
import { ClaimRequest, USER_ID_MIN, writeUserId } from '../../bench/load/claim-request.ts';
import { ClaimsFrame, readResults } from '../../bench/load/claims-frame.ts';
import { LatencyRecorder } from '../../bench/load/latency.ts';
import { parseAutocannon, parseWrk } from '../../bench/load/other-generators.ts';
import { BodyRequests, requestsOf } from '../../bench/load/requests.ts';
import { RunEnd } from '../../bench/load/run-end.ts';
import { Schedule } from '../../bench/load/schedule.ts';
import { Tally, userWalk } from '../../bench/load/tally.ts';
import { cpuBetween, onClaimPath, parseThreadCpu } from '../../bench/processes/thread-cpu.ts';
import { verifyOutcomes } from '../../bench/verify.ts';

describe('open-loop schedule', () => {
  it('has request k due at k / rate, whatever was sent', () => {
    const schedule = new Schedule(1000, 10, 500);
    expect(schedule.take(499.9)).toBe(-1);
    expect(schedule.take(500)).toBe(0);
    expect(schedule.take(500.5)).toBe(-1);
    expect(schedule.waitMs(500.5)).toBeCloseTo(0.5);
    expect(schedule.intendedMs(7)).toBe(507);
    expect(schedule.dueBy(503.2)).toBe(4);
  });

  it('hands out what piled up during a stall with the times it should have left', () => {
    const schedule = new Schedule(1000, 100, 0);
    expect(schedule.take(0)).toBe(0);
    const latency = new LatencyRecorder();
    for (let index = schedule.take(50); index !== -1; index = schedule.take(50)) {
      latency.record(schedule.intendedMs(index), 50);
    }
    expect(latency.count).toBe(50);
    expect(latency.summary().maxMs).toBeCloseTo(49, 0);
    expect(latency.summary().p50Ms).toBeCloseTo(24, 0);
  });

  it('ends', () => {
    const schedule = new Schedule(1000, 2, 0);
    expect([schedule.take(9), schedule.take(9), schedule.take(9)]).toEqual([0, 1, -1]);
    expect(schedule.waitMs(9)).toBe(Number.POSITIVE_INFINITY);
    expect(schedule.dueBy(9)).toBe(2);
  });
});

describe('latency', () => {
  it('keeps microseconds to three digits', () => {
    const latency = new LatencyRecorder();
    for (let us = 1; us <= 1000; us++) latency.record(0, us / 1000);
    const { p50Ms, p99Ms, maxMs } = latency.summary();
    expect(p50Ms).toBeCloseTo(0.5, 3);
    expect(p99Ms).toBeCloseTo(0.99, 3);
    expect(maxMs).toBeCloseTo(1, 3);
  });

  it('takes what is too long for its scale as its longest', () => {
    const latency = new LatencyRecorder();
    latency.record(0, 10_000_000);
    expect(latency.summary().maxMs).toBeGreaterThanOrEqual(60_000);
  });
});

describe('request bytes', () => {
  it('differ only in the digits of the user', () => {
    const request = new ClaimRequest('/v1/templates/1/claims');
    request.setUser(USER_ID_MIN + 987_654_321);
    expect(request.bytes.toString()).toContain('\r\nx-user-id: 100987654321\r\n');
    request.setUser(999_999_999_999);
    expect(request.bytes.toString()).toContain('\r\nx-user-id: 999999999999\r\n');
  });

  it('writes every digit', () => {
    const bytes = Buffer.alloc(14, 'x');
    writeUserId(bytes, 1, 120_345_006_789);
    expect(bytes.toString()).toBe('x120345006789x');
  });

  it('have the body of their user, or one for all', () => {
    const users = { first: USER_ID_MIN, count: 2 };
    const own = new BodyRequests('/v1/quotes', users, ['{"a":"é"}', '{}']);
    expect(Buffer.from(own.bytesFor(0, USER_ID_MIN)).toString()).toBe(
      `POST /v1/quotes HTTP/1.1\r\nhost: 127.0.0.1\r\nx-user-id: ${USER_ID_MIN}\r\n` +
        'content-type: application/json\r\ncontent-length: 10\r\n\r\n{"a":"é"}',
    );
    expect(Buffer.from(own.bytesFor(0, USER_ID_MIN + 1)).toString()).toMatch(/\r\n\r\n\{\}$/);
    const same = new BodyRequests('/v1/quotes', users, ['{"b":1}']);
    expect(Buffer.from(same.bytesFor(5, USER_ID_MIN + 1)).toString()).toMatch(/\{"b":1\}$/);
    expect(() => new BodyRequests('/', users, ['1', '2', '3'])).toThrow('3 bodies for 2 users');
  });

  it('without a body are patched on the connection they leave by', () => {
    const users = { first: USER_ID_MIN, count: 9 };
    const common = { port: 1, path: '/x', connections: 2, seconds: 1, users, couponEvery: 0 } as const;
    const requests = requestsOf({ kind: 'closed-loop', ...common });
    const first = requests.bytesFor(0, USER_ID_MIN + 1);
    requests.bytesFor(1, USER_ID_MIN + 2);
    expect(Buffer.from(first).toString()).toContain(`x-user-id: ${USER_ID_MIN + 1}`);
  });

  it('walk round a range', () => {
    const next = userWalk({ first: 5, count: 2 });
    expect([next(), next(), next()]).toEqual([5, 6, 5]);
  });

  it('patch a MessagePack frame in place', () => {
    const frame = new ClaimsFrame('42', 16);
    frame.setId(3);
    for (let i = 0; i < 16; i++) frame.setUser(i, USER_ID_MIN + 1000 + i);
    const payload = frame.bytes.subarray(8);
    const { frame: id, results } = readResults(payload);
    expect(id).toBe(3);
    const sent = results as unknown as { op: string; templateId: string; userIds: string[] };
    expect(sent).toMatchObject({ op: 'claims', templateId: '42' });
    expect(sent.userIds).toEqual(Array.from({ length: 16 }, (_, i) => String(USER_ID_MIN + 1000 + i)));
  });
});

describe('answer scanner', () => {
  const body = '{"status":"claimed","couponId":"4294967297"}';
  const answer = Buffer.from(
    `HTTP/1.1 201 Created\r\nDate: now\r\nConnection: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );

  it('finds status, body and a member', () => {
    const scanner = new AnswerScanner();
    expect(scanner.feed(answer, answer.length)).toBe(true);
    expect(scanner.status).toBe(201);
    expect(scanner.stringMember('couponId')).toBe('4294967297');
    expect(scanner.stringMember('code')).toBeNull();
  });

  it('finds a whole number, and the first of that name', () => {
    const text = '{"a":"7","payable": 905,"more":{"payable":1}}';
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    const scanner = new AnswerScanner();
    expect(scanner.feed(bytes, bytes.length)).toBe(true);
    expect(scanner.numberMember('payable')).toBe(905);
    expect(scanner.numberMember('pay')).toBeNull();
    const tally = new Tally(0, 'payable');
    tally.http(1, scanner);
    tally.step('quote', scanner);
    expect(tally.result(null).outcomes).toEqual({ '200 payable 905': 1, 'quote 200': 1 });
  });

  it('puts an answer together that is torn at any byte', () => {
    for (let at = 1; at < answer.length; at++) {
      const scanner = new AnswerScanner();
      const shared = Buffer.alloc(1024);
      answer.copy(shared, 0, 0, at);
      expect(scanner.feed(shared, at)).toBe(false);
      answer.copy(shared, 0, at);
      expect(scanner.feed(shared, answer.length - at)).toBe(true);
      expect(scanner.stringMember('couponId')).toBe('4294967297');
    }
  });

  it('takes a second answer behind the first for a broken stream', () => {
    const two = Buffer.concat([answer, answer]);
    expect(() => new AnswerScanner().feed(two, two.length)).toThrow('after the end');
  });

  it('does not read what it cannot count', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(() => new AnswerScanner().feed(chunked, chunked.length)).toThrow('chunked');
  });
});

describe('clocks of the threads', () => {
  it('are read from metrics and added up for the claim path', () => {
    const line = (thread: string, seconds: number) =>
      `doorbuster_thread_cpu_seconds_total{thread="${thread}"} ${seconds}\n`;
    const before = parseThreadCpu(`# HELP x\n${line('ingress', 1)}${line('flusher', 5)}`);
    const after = parseThreadCpu(line('ingress', 1.5) + line('owner-0', 0.25) + line('flusher', 9));
    expect(cpuBetween(before, after, onClaimPath)).toBeCloseTo(0.75);
  });
});

describe('other generators', () => {
  it('are read by status', () => {
    const json = JSON.stringify({
      duration: 2,
      errors: 1,
      statusCodeStats: { '200': { count: 10 }, '409': { count: 2 } },
    });
    expect(parseAutocannon(json)).toMatchObject({ answered: 12, outcomes: { 200: 10, 409: 2, errors: 1 } });
    const text = '  1234 requests in 2.00s, 1.0MB read\n  Non-2xx or 3xx responses: 34\nRequests/sec: 617';
    expect(parseWrk(text)).toMatchObject({
      answered: 1234,
      seconds: 2,
      outcomes: { '2xx': 1200, refused: 34 },
    });
    expect(() => parseWrk('unable to connect')).toThrow('unable to connect');
  });
});

describe('the end of a run', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is a failure when answers are owed for too long', async () => {
    vi.useFakeTimers();
    const end = new RunEnd();
    const ended = expect(end.within(2, () => 3)).rejects.toThrow('3 requests were never answered');
    await vi.advanceTimersByTimeAsync(32_000);
    await ended;
    expect(end.over).toBe(true);
  });

  it('keeps a failure that came before anyone waited', async () => {
    const end = new RunEnd();
    end.fail(new Error('reset'));
    await expect(end.within(1, () => 0)).rejects.toThrow('reset');
  });

  it('names every answer that was not expected', () => {
    expect(verifyOutcomes({ 201: 5 }, '201')).toEqual([]);
    expect(verifyOutcomes({ 201: 5, '503 overloaded': 2 }, '201')).toEqual([
      '2 answers were 503 overloaded, not 201',
    ]);
  });
});
