import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { FakeLink } from './fake-link.ts';
import { rig, SESSION } from './host-rig.ts';

const OTHER = 'b'.repeat(26);

describe('handshake', () => {
  test.each([
    { name: 'another digest', hello: { wantModelDigest: 'sha256:x' }, want: 'invalid_request' },
    { name: 'another region', hello: { region: 'mars' }, want: 'invalid_request' },
    { name: 'protocol 0', hello: { protocol: 0 }, want: 'invalid_request' },
  ])('$name is refused and the link closed', ({ hello, want }) => {
    const { host } = rig();
    const link = new FakeLink(host, { hello: false });
    link.hello(host, hello);
    expect(link.faults()).toEqual([want]);
    expect(link.closedFor).toBeDefined();
    link.open({ sid: 1, sessionId: OTHER });
    expect(link.kinds()).toEqual(['fault']);
  });

  test('anything before Hello closes the link', () => {
    const { host } = rig();
    const link = new FakeLink(host, { hello: false });
    link.open({ sid: 1, sessionId: OTHER });
    expect([link.faults(), link.closedFor === undefined]).toEqual([['invalid_request'], false]);
  });

  test('a Hello that names a later replica fences the host: it stops, says so and accepts nothing', () => {
    const { host, link, clock, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    const later = new FakeLink(host, { hello: false });
    later.hello(host, { minReplicaEpoch: 6 });
    expect([link.faults(), later.faults()]).toEqual([['epoch_stale'], ['epoch_stale']]);
    expect(link.closedFor).toBe('fenced');
    const frames = link.frames;
    clock.advance(20);
    expect([link.frames, driver.load().slotsFree, host.load().state]).toEqual([frames, 16, 4]);
    expect([...driver.contexts.keys()]).toEqual([0]);
    const again = new FakeLink(host);
    expect(again.faults()).toEqual(['epoch_stale']);
  });

  test('the highest protocol of the host answers a later gateway', () => {
    const { host } = rig();
    const link = new FakeLink(host, { hello: false });
    link.hello(host, { protocol: 2 });
    expect(link.all('welcome')[0]).toMatchObject({
      protocol: 1,
      region: 'local',
      replicaEpoch: 5,
      load: { slotsFree: 16 },
    });
  });

  test('ping answers with progress that moves with tokens', () => {
    const { link, clock } = rig();
    link.peer.message({ ping: { nonce: 1, kvReset: false } });
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    link.peer.message({ ping: { nonce: 2, kvReset: false } });
    const [before, after] = link.all('pong');
    expect([before?.nonce, after?.nonce]).toEqual([1, 2]);
    expect(Number(after?.step)).toBeGreaterThan(Number(before?.step));
  });

  test('progress stands still while a stream owes tokens and brings none, and moves while nothing is owed', () => {
    const { link, clock } = rig({ stepMs: 2_000, ringTokens: 64 });
    const progress = (): number => {
      link.peer.message({ ping: { nonce: 1, kvReset: false } });
      return Number(link.all('pong').at(-1)?.step);
    };
    expect(progress()).toBeLessThan(progress());
    link.start({ sid: 1, lane: 1, turnId: 't1', creditTokens: 64 });
    clock.advance(100);
    expect(progress()).toBe(progress());
    clock.advance(200_000);
    expect(link.received(1)).toBe(64);
    expect(progress()).toBeLessThan(progress());
  });
});

describe('turns', () => {
  test('a turn tells Started, dense rows with its item, and Ended with usage and timing', () => {
    const { link, clock } = rig({ prefillMs: 4, width: () => 2, maxStepTokens: 2 });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 5, forcedTokenIds: [] });
    clock.advance(20);
    expect(link.kinds(true)).toEqual(['welcome', 'opened', 'started', 'step', 'step', 'step', 'ended']);
    expect(link.lane(1)).toMatchObject({
      text: 'a0 a1 a2 a3 a4 ',
      from: 0,
      marks: [{ turnId: 't1', kind: 1, atOffset: 0 }],
    });
    expect(link.lane(1).ended).toMatchObject({
      endOffset: 5,
      finishReason: 'length',
      usage: { inputTokens: 1, cachedTokens: 0, outputTokens: 5, discardedTokens: 0 },
      timing: { prefill: { nanos: 4e6 }, firstToken: { nanos: 5e6 }, decode: { nanos: 2e6 } },
    });
  });

  test('one frame per step and link holds all its lanes', () => {
    const { link, clock } = rig();
    for (const lane of [1, 2, 3, 4]) link.start({ sid: 1, lane, turnId: `t${lane}`, maxOutputTokens: 10 });
    clock.advance(50);
    expect(link.frames).toBe(10);
    for (const lane of [1, 2, 3, 4]) expect(link.received(lane)).toBe(10);
  });

  test('a blocked link merges steps into the next frame', () => {
    const { link, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 40 });
    link.writable = false;
    clock.advance(30);
    expect([link.frames, link.all('started').length]).toEqual([0, 1]);
    link.writable = true;
    link.peer.writable();
    expect([link.frames, link.received(1)]).toEqual([1, 29]);
  });

  test('out of credit the engine goes on into its ring, pauses when it is full, and resumes with an ack', () => {
    const { link, clock, driver, counts } = rig({ ringTokens: 64 });
    link.start({ sid: 1, lane: 1, turnId: 't1', creditTokens: 10 });
    clock.advance(500);
    expect(link.received(1)).toBe(10);
    expect(driver.calls).toEqual(['pause 0']);
    expect(counts).toEqual(['stream_paused_ring']);
    link.credit(1, 10, 10);
    expect([link.received(1), driver.calls.at(-1)]).toEqual([20, 'resume 0']);
    clock.advance(500);
    link.credit(1, 20, 1_000);
    expect(link.received(1)).toBe(74);
    link.credit(1, 75, 1_000);
    expect(link.faults()).toEqual(['ack_out_of_range']);
    link.credit(1, 15, 0);
    clock.advance(10);
    expect(link.received(1)).toBeGreaterThan(74);
  });

  test('credit 0 holds rows back until more is given', () => {
    const { link, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 100 });
    clock.advance(5);
    const sent = link.received(1);
    link.credit(1, sent, 0);
    clock.advance(200);
    expect([link.received(1), link.lane(1).ended]).toEqual([sent, undefined]);
    link.credit(1, sent, 512);
    expect([link.received(1), link.lane(1).ended?.endOffset]).toEqual([100, 100]);
  });

  test('a repeated Start tells Started again and starts nothing', () => {
    const { link, clock, driver } = rig();
    const start = { sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 5 };
    link.start(start);
    link.start(start);
    clock.advance(20);
    link.start(start);
    expect(driver.starts).toHaveLength(1);
    expect(link.all('started').map(({ lane, turnId }) => [lane, turnId])).toEqual([
      [1, 't1'],
      [1, 't1'],
    ]);
    expect(link.all('ended')).toHaveLength(2);
    expect(link.received(1)).toBe(5);
    link.start({ ...start, lane: 2 });
    expect([link.received(2), link.lane(2).ended?.endOffset]).toEqual([5, 5]);
  });

  test.each([
    { name: 'a bad turn id', start: { turnId: 'a b' }, want: 'invalid_request' },
    { name: 'an unknown parent', start: { parentTurnId: 'nope' }, want: 'turn_not_found' },
    { name: 'a running parent', start: { parentTurnId: 't0' }, want: 'response_in_flight' },
    { name: 'too many output tokens', start: { maxOutputTokens: 1_000_000 }, want: 'value_out_of_range' },
    {
      name: 'more forced tokens than output',
      start: { maxOutputTokens: 1, forcedTokenIds: [1, 2] },
      want: 'value_out_of_range',
    },
    { name: 'an unknown draft', start: { draft: { draftId: 'd', revision: 1 } }, want: 'draft_not_found' },
    { name: 'an empty input item', start: { input: [{}] }, want: 'invalid_request' },
    { name: 'a lane in use', start: { lane: 1 }, want: 'invalid_request' },
    { name: 'a lane of the host', start: { lane: 2 ** 31 }, want: 'invalid_request' },
    { name: 'an unknown sid', start: { sid: 7 }, want: 'session_not_open' },
    { name: 'a hold', start: { hold: true }, want: 'unimplemented' },
  ])('$name is a Fault on its lane and starts nothing', ({ start, want }) => {
    const { link, driver, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't0' });
    link.start({ sid: 1, lane: 2, turnId: 't9', ...start });
    expect(link.faults()).toEqual([want]);
    expect(link.all('fault')[0]?.lane).toBe(start.lane ?? 2);
    clock.advance(5);
    expect(driver.starts).toHaveLength(1);
    expect(link.received(1)).toBeGreaterThan(0);
  });

  test('no slot is no_capacity with a delay, and a freed slot takes the next turn', () => {
    const { link, clock } = rig({ slots: 1 });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 5 });
    link.start({ sid: 1, lane: 2, turnId: 't2' });
    expect(link.all('fault')[0]).toMatchObject({
      sid: 1,
      lane: 2,
      error: { code: 'no_capacity', grpcCode: 14, retryable: true, retryDelay: { seconds: 1 } },
    });
    clock.advance(20);
    link.start({ sid: 1, lane: 3, turnId: 't2', maxOutputTokens: 5 });
    clock.advance(20);
    expect(link.received(3)).toBe(5);
  });

  test('a ninth live turn of a session is concurrency_exceeded', () => {
    const { link } = rig();
    for (let lane = 1; lane <= 9; lane++) link.start({ sid: 1, lane, turnId: `t${lane}` });
    expect(link.all('fault').map(({ lane, error }) => [lane, error?.code])).toEqual([[9, 'concurrency_exceeded']]);
  });

  test('a turn past its max_duration ends INCOMPLETE with all that it generated', () => {
    const { link, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 60_000, maxDuration: { seconds: 0, nanos: 50e6 } });
    clock.advance(60);
    const { ended } = link.lane(1);
    expect(ended).toMatchObject({ status: 4, finishReason: 'max_duration', endOffset: link.received(1) });
    expect(clock.pending).toBeLessThan(5);
  });

  test('a driver that fails a stream ends it FAILED behind the rows it made', () => {
    const { link, clock, driver } = rig();
    driver.failNext = new ReticleError('upstream_protocol_error', 'broken');
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    expect(link.lane(1).ended).toMatchObject({ status: 5, endOffset: 0, error: { code: 'upstream_protocol_error' } });
    link.start({ sid: 1, lane: 2, turnId: 't2', parentTurnId: 't1' });
    expect(link.faults()).toEqual(['turn_not_found']);
  });

  test('forced tokens continue at their count, exactly when seeded', () => {
    const { link, clock, driver } = rig();
    const params = {
      seed: 7,
      stop: [],
      toolsJson: '',
      toolChoiceJson: '',
      textFormatJson: '',
      reasoningEffort: '',
      verbosity: '',
      topLogprobs: 0,
      outputLength: 2 as const,
      choice: 0,
    };
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 5, forcedTokenIds: [0, 1, 2], params });
    link.start({ sid: 1, lane: 2, turnId: 't2', maxOutputTokens: 5, forcedTokenIds: [0, 1, 2] });
    clock.advance(20);
    expect(link.all('started').map(({ startOffset, continuation }) => [startOffset, continuation])).toEqual([
      [3, 1],
      [3, 2],
    ]);
    expect([link.lane(1).from, link.received(1)]).toEqual([3, 5]);
    expect(driver.starts.map(({ length }) => length)).toEqual(['max', undefined]);
  });
});

describe('prefixes', () => {
  test('a root prefix comes before every turn, also for one that did not wait for it', () => {
    const { link, clock, driver } = rig({ prefillMs: 3 });
    link.prefill({ sid: 1, op: 4, append: [{ itemJson: 'root' }] });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 2 });
    clock.advance(20);
    expect(link.all('prefilled')).toEqual([{ sid: 1, op: 4, contextTokens: 1, cachedTokens: 0, prefilledTokens: 1 }]);
    expect(link.all('started')[0]).toMatchObject({ promptTokens: 2, cachedTokens: 1 });
    expect(driver.starts[0]?.afterOutput).toBe(false);
  });

  test('the root grows until something starts from it; a repeat is answered, anything else refused', () => {
    const { link, clock, driver } = rig();
    link.prefill({ sid: 1, op: 1, append: [{ itemJson: 'root' }] });
    link.prefill({ sid: 1, op: 2, append: [{ itemJson: 'more' }] });
    clock.advance(20);
    expect([...driver.contexts.values()]).toContainEqual(['root', 'more']);
    expect(driver.released).toHaveLength(1);
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 2 });
    link.prefill({ sid: 1, op: 3, append: [{ itemJson: 'root' }, { itemJson: 'more' }] });
    link.prefill({ sid: 1, op: 4, append: [{ itemJson: 'other' }] });
    expect(link.all('prefilled').at(-1)).toEqual({
      sid: 1,
      op: 3,
      contextTokens: 2,
      cachedTokens: 0,
      prefilledTokens: 2,
    });
    expect([link.faults(), driver.prefills.length]).toEqual([['invalid_request'], 2]);
  });

  test('a named prefix is a parent; its parent turn is closed by the template first', () => {
    const { link, clock, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 2 });
    clock.advance(10);
    link.prefill({ sid: 1, op: 1, draftId: 'w1', parentTurnId: 't1', append: [{ itemJson: 'warm' }] });
    link.start({ sid: 1, lane: 2, turnId: 't2', parentTurnId: 'w1', maxOutputTokens: 1 });
    clock.advance(10);
    expect(driver.prefills[0]?.afterOutput).toBe(true);
    expect(driver.starts[1]?.afterOutput).toBe(false);
    expect([...driver.contexts.values()]).toContainEqual(['in-t1', 'a0 ', 'a1 ', 'warm', 'in-t2', 'b0 ']);
  });

  test('a prefix that fails is told, its waiters end FAILED, and the root stays what it was', () => {
    const { link, clock, driver } = rig();
    driver.failNext = new ReticleError('no_capacity', 'no KV');
    link.prefill({ sid: 1, op: 1, append: [{ itemJson: 'root' }] });
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(10);
    expect(link.all('fault')[0]).toMatchObject({ sid: 1, op: 1, error: { code: 'no_capacity' } });
    expect(link.lane(1).ended).toMatchObject({ status: 5 });
    link.start({ sid: 1, lane: 2, turnId: 't2', maxOutputTokens: 1 });
    clock.advance(10);
    expect(link.all('started')[0]).toMatchObject({ lane: 2, promptTokens: 1 });
  });
});

describe('drain', () => {
  test('no new sessions or turns; running ones finish, successors may follow, then it is done', () => {
    const { link, clock, host } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 50 });
    clock.advance(5);
    let done = 0;
    host.drain(10_000, 'deploy', () => done++);
    link.open({ sid: 2, sessionId: OTHER });
    link.start({ sid: 1, lane: 2, turnId: 't2' });
    expect(link.all('drain')).toEqual([{ timeLeft: { seconds: 10, nanos: 0 }, reason: 'deploy' }]);
    expect(link.faults()).toEqual(['draining', 'draining']);
    expect([host.load().state, done]).toEqual([3, 0]);
    clock.advance(100);
    expect([link.lane(1).ended?.endOffset, done]).toEqual([50, 1]);
  });

  test('at the bound the rest end FAILED draining, with their rings kept', () => {
    const { link, clock, host } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 8_000 });
    let done = 0;
    host.drain(100, 'deploy', () => done++);
    clock.advance(110);
    expect(link.lane(1).ended).toMatchObject({ status: 5, endOffset: link.received(1), error: { code: 'draining' } });
    expect(done).toBe(1);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 0, creditTokens: 512 }] });
    expect(next.received(1)).toBe(link.received(1));
  });

  test('a closed host leaves no timer', () => {
    const { link, clock, host } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 8_000 });
    clock.advance(10);
    host.close();
    expect([link.closedFor, clock.pending]).toEqual(['the engine stops', 0]);
  });
});

describe('load', () => {
  test('is exact, told on change at most every 50 ms, and every 250 ms', () => {
    const { link, clock, host } = rig({ slots: 4 });
    clock.advance(100);
    link.messages = [];
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    link.start({ sid: 1, lane: 2, turnId: 't2', maxOutputTokens: 8_000 });
    clock.advance(0);
    expect(link.all('load')).toMatchObject([
      { slotsTotal: 4, slotsFree: 2, sessionsLive: 1, sessionsParked: 0, state: 2 },
    ]);
    link.cut({ lane: 1, mode: 3 });
    clock.advance(49);
    expect(link.all('load')).toHaveLength(1);
    clock.advance(1);
    expect(link.all('load').at(-1)).toMatchObject({ slotsFree: 3 });
    link.messages = [];
    clock.advance(1_000);
    expect(link.all('load')).toHaveLength(4);
    expect(host.load()).toMatchObject({
      tokensPerSecond: 1_000,
      streamTpsP50: 1_000,
      streamTpsP5: 1_000,
      stepMicrosP50: 1_000,
    });
  });
});
