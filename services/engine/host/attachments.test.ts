import { describe, expect, test } from '@jest/globals';
import { FakeLink } from './fake-link.ts';
import { rig, SESSION } from './host-rig.ts';

const OTHER = 'b'.repeat(26);
const Mode = { detach: 1, park: 2, drop: 3 } as const;

describe('epochs and holders', () => {
  test('a later Open takes the session, tells the old attachment, and fences its sid', () => {
    const { link, host, clock, counts } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    const next = new FakeLink(host);
    next.open({ sid: 4, sessionId: SESSION, adopt: [{ lane: 2, turnId: 't1', nextOffset: 2, creditTokens: 512 }] });
    expect(next.all('opened')[0]).toMatchObject({
      sid: 4,
      epoch: 2,
      turns: [{ lane: 2, turnId: 't1', replayFrom: 2, ended: false }],
    });
    expect(link.all('fault')[0]).toMatchObject({ sid: 1, epoch: 2, error: { code: 'epoch_stale' } });
    const received = link.received(1);
    clock.advance(5);
    link.start({ sid: 1, lane: 3, turnId: 't3' });
    link.cut({ lane: 1, signalId: 's' });
    link.prefill({ sid: 1, op: 1 });
    expect(link.faults()).toEqual(['epoch_stale', 'epoch_stale', 'epoch_stale', 'epoch_stale']);
    expect(link.received(1)).toBe(received);
    expect([next.lane(2).from, next.received(2) > received]).toEqual([2, true]);
    link.release(1, Mode.drop);
    link.peer.closed();
    clock.advance(5);
    expect(next.faults()).toEqual([]);
    expect(counts).toContain('epoch_stale');
  });

  test.each([
    { name: 'the same holder with an old epoch', holder: 'h', minEpoch: 0, wantEpoch: 8 },
    { name: 'another holder with a higher epoch', holder: 'x', minEpoch: 9, wantEpoch: 9 },
    { name: 'another holder with the same epoch', holder: 'x', minEpoch: 7, wantEpoch: undefined },
    { name: 'another holder with an old epoch', holder: 'x', minEpoch: 0, wantEpoch: undefined },
  ])('$name', ({ holder, minEpoch, wantEpoch }) => {
    const { host, link } = rig();
    link.open({ sid: 2, sessionId: OTHER, minEpoch: 7 });
    expect(link.all('opened').at(-1)?.epoch).toBe(7);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: OTHER, holder: Buffer.from(holder), minEpoch });
    expect(next.all('opened')[0]?.epoch).toBe(wantEpoch);
    if (wantEpoch === undefined)
      expect(next.all('fault')[0]).toMatchObject({ epoch: 7, error: { code: 'epoch_stale' } });
  });

  test('a foreign tenant learns nothing', () => {
    const { host } = rig();
    const link = new FakeLink(host);
    link.open({ sid: 1, sessionId: SESSION, tenant: 'other' });
    expect(link.all('fault')[0]).toMatchObject({ epoch: 0, error: { code: 'session_not_found' } });
  });

  test.each([
    { name: 'a sid in use', open: { sid: 1, sessionId: OTHER }, want: 'session_already_open' },
    { name: 'a bad session id', open: { sid: 2, sessionId: 'short' }, want: 'invalid_request' },
  ])('$name is refused', ({ open, want }) => {
    const { link } = rig();
    link.open(open);
    expect(link.faults()).toEqual([want]);
  });
});

describe('resume', () => {
  test.each([
    { name: 'a past offset', nextOffset: 60, want: 'replay' },
    { name: 'an evicted offset', nextOffset: 10, want: 'resume_window_exceeded' },
    { name: 'a future offset', nextOffset: 101, want: 'value_out_of_range' },
  ])('$name', ({ nextOffset, want }) => {
    const { link, host, clock } = rig({ ringTokens: 64 });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 100, creditTokens: 64 });
    for (let ms = 0; ms < 120; ms++) {
      clock.advance(1);
      link.credit(1, link.received(1), 64);
    }
    link.peer.closed();
    clock.advance(59_000);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset, creditTokens: 512 }] });
    if (want === 'replay') {
      expect(next.all('opened')[0]?.turns).toEqual([
        { lane: 1, turnId: 't1', replayFrom: 60, generatedOffset: 100, ended: true },
      ]);
      expect([next.lane(1).from, next.received(1), next.lane(1).ended?.endOffset]).toEqual([60, 100, 100]);
      expect(next.lane(1).marks.map(({ atOffset, closed }) => [atOffset, closed])).toEqual([[0, false]]);
    } else {
      expect(next.all('fault')[0]).toMatchObject({ sid: 1, lane: 1, error: { code: want } });
      if (want === 'resume_window_exceeded') expect(next.all('fault')[0]?.error?.param).toBe('oldest_offset=36');
      expect(next.kinds()).toEqual(['welcome', 'opened', 'fault']);
    }
  });

  test('the ring of an ended turn goes after a minute, and its end can still be fetched at its end', () => {
    const { link, host, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 10 });
    clock.advance(62_000);
    const next = new FakeLink(host);
    const adopt = { turnId: 't1', creditTokens: 512 };
    next.open({
      sid: 1,
      sessionId: SESSION,
      adopt: [
        { lane: 1, nextOffset: 0, ...adopt },
        { lane: 2, nextOffset: 10, ...adopt },
      ],
    });
    expect(next.faults()).toEqual(['resume_window_exceeded']);
    expect(next.lane(2).ended).toMatchObject({ endOffset: 10 });
  });

  test('a live turn that the gateway does not name gets a lane of the host', () => {
    const { link, host, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 100 });
    clock.advance(20);
    link.credit(1, 8, 512);
    link.peer.closed();
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION });
    expect(next.all('opened')[0]?.turns).toMatchObject([{ lane: 2 ** 31, turnId: 't1', replayFrom: 8 }]);
    clock.advance(200);
    expect([next.lane(2 ** 31).from, next.received(2 ** 31)]).toEqual([8, 100]);
  });

  test('a turn still in prefill is adopted and tells Started on its new lane', () => {
    const { link, host, clock } = rig({ prefillMs: 10 });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 5 });
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 6, turnId: 't1', nextOffset: 0, creditTokens: 0 }] });
    clock.advance(30);
    expect(next.all('started')[0]).toMatchObject({ lane: 6, turnId: 't1' });
    expect(next.lane(6).ended).toMatchObject({ endOffset: 5 });
  });
});

describe('detach, park, drop', () => {
  test('a cut that took effect while nobody was attached is told before the end, verbatim, to who comes back', () => {
    const { link, host, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 2_000, creditTokens: 2_000 });
    clock.advance(10);
    link.cut({ lane: 1, signalId: 's1', mode: 2, keepThroughOffset: 3 });
    link.release(1, Mode.detach);
    clock.advance(10);
    expect([link.all('cutDone'), link.all('ended')]).toEqual([[], []]);
    const next = new FakeLink(host);
    next.open({ sid: 2, sessionId: SESSION, adopt: [{ lane: 7, turnId: 't1', nextOffset: 3, creditTokens: 512 }] });
    clock.advance(5);
    expect(next.kinds()).toEqual(['welcome', 'opened', 'cutDone', 'started', 'ended']);
    const [done] = next.all('cutDone');
    expect(done).toMatchObject({ lane: 7, signalId: 's1', outcome: 1, effectiveOffset: 3 });
    expect(done?.generatedOffset).toBeGreaterThan(3);
    next.cut({ lane: 7, signalId: 's1', mode: 2, keepThroughOffset: 9 });
    expect(next.all('cutDone')[1]).toEqual(done);
  });

  test.each([
    { name: 'detach runs on for the grace, then pauses', mode: Mode.detach, wantPausedMs: 2_000 },
    { name: 'park pauses at once', mode: Mode.park, wantPausedMs: 0 },
  ])('$name; the next gateway resumes it', ({ mode, wantPausedMs }) => {
    const { link, host, clock, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 8_000 });
    clock.advance(10);
    link.release(1, mode);
    if (wantPausedMs > 0) {
      clock.advance(wantPausedMs - 1);
      expect(driver.calls).toEqual([]);
      clock.advance(1);
    }
    expect(driver.calls).toEqual(['pause 0']);
    clock.advance(5_000);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 0, creditTokens: 8_192 }] });
    expect(driver.calls).toEqual(['pause 0', 'resume 0']);
    const before = next.received(1);
    expect(before).toBeGreaterThanOrEqual(wantPausedMs);
    clock.advance(10);
    expect(next.received(1)).toBe(before + 10);
  });

  test('a gateway that comes back within the grace finds the turn running', () => {
    const { link, host, clock, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 8_000 });
    clock.advance(10);
    link.peer.closed();
    clock.advance(1_000);
    new FakeLink(host).open({ sid: 1, sessionId: SESSION });
    clock.advance(5_000);
    expect(driver.calls).toEqual([]);
  });

  test('drop wipes: streams stop, every context is released, the id is free', () => {
    const { link, clock, driver, host } = rig();
    link.prefill({ sid: 1, op: 1, append: [{ itemJson: 'root' }] });
    clock.advance(5);
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 2 });
    clock.advance(10);
    link.start({ sid: 1, lane: 2, turnId: 't2', parentTurnId: 't1' });
    clock.advance(5);
    link.prefill({ sid: 1, op: 2, draftId: 'late', append: [{ itemJson: 'late' }] });
    link.start({ sid: 1, lane: 3, turnId: 't3' });
    link.release(1, Mode.drop);
    clock.advance(20);
    expect([...driver.contexts.keys()]).toEqual([0]);
    expect(driver.load().slotsFree).toBe(16);
    expect(host.load().sessionsLive).toBe(0);
    link.start({ sid: 1, lane: 4, turnId: 't4' });
    expect(link.faults()).toEqual(['session_not_open']);
    link.open({ sid: 2, sessionId: SESSION });
    expect(link.all('opened').at(-1)).toMatchObject({ sid: 2, epoch: 1, kvTokens: 0, turns: [] });
  });

  test('an idle session is dropped after its time', () => {
    const { link, clock, driver, host, counts } = rig();
    link.open({ sid: 2, sessionId: OTHER, idleTtl: { seconds: 60, nanos: 0 } });
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(100_000);
    expect(host.load().sessionsLive).toBe(2);
    link.release(2, Mode.detach);
    clock.advance(62_000);
    expect([host.load().sessionsLive, [...driver.contexts.keys()]]).toEqual([1, [0]]);
    expect(counts).toContain('session_dropped_idle');
  });
});

describe('a turn that has not started when its session is taken over', () => {
  test('and is cut then, ends on the lane that Opened named', () => {
    const { link, host, clock } = rig({ prefillMs: 5 });
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    const next = new FakeLink(host);
    next.open({ sid: 4, sessionId: SESSION, wantTranscript: true });
    const [turn] = next.all('opened')[0]?.turns ?? [];
    const lane = turn?.lane ?? 0;
    expect(turn).toMatchObject({ turnId: 't1', ended: false });
    next.cut({ lane, signalId: 's1' });
    clock.advance(20);
    expect(next.lane(lane).ended).toMatchObject({ endOffset: 0 });
    expect(next.all('transcript').filter(({ ended }) => ended)).toEqual([]);
  });
});
