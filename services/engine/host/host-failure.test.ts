/** Replicas that break, drain, are outlived; sessions that nobody comes back to. */
import { describe, expect, test } from '@jest/globals';
import { FakeLink } from './fake-link.ts';
import { rig, SESSION } from './host-rig.ts';

const OTHER = 'b'.repeat(26);
const Mode = { detach: 1, park: 2, drop: 3 } as const;
const STARTING = 1;

describe('a broken driver', () => {
  test('is told for every session on its link; no turn ends, and nothing new is taken', () => {
    const { link, host, clock, driver } = rig();
    link.open({ sid: 2, sessionId: OTHER });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxDuration: { seconds: 1, nanos: 0 } });
    link.prefill({ sid: 2, op: 7, append: [{ itemJson: 'p' }] });
    clock.advance(5);
    driver.break('a stage is gone');
    expect(link.all('fault').map(({ sid, error }) => [sid, error?.code])).toEqual([
      [1, 'engine_lost'],
      [2, 'engine_lost'],
    ]);
    expect(host.load().state).toBe(STARTING);
    const received = link.received(1);
    clock.advance(5_000);
    expect([link.received(1), link.all('ended')]).toEqual([received, []]);
    link.start({ sid: 1, lane: 2, turnId: 't2' });
    link.prefill({ sid: 2, op: 8, draftId: 'w', append: [] });
    link.open({ sid: 3, sessionId: 'c'.repeat(26) });
    link.cut({ lane: 1, signalId: 's' });
    expect(link.faults().slice(2)).toEqual(['engine_lost', 'engine_lost', 'engine_lost']);
    expect(driver.calls).toEqual([]);
  });

  test('still hands over what the host holds: records, Opened, the ring, and that it is lost', () => {
    const { link, host, clock, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(20);
    driver.break('a stage is gone');
    link.peer.closed();
    clock.advance(10_000);
    const next = new FakeLink(host);
    next.open({ sid: 4, sessionId: SESSION, wantTranscript: true, defaultCreditTokens: 512 });
    expect(next.kinds(true).slice(1)).toEqual(['transcript', 'transcript', 'opened', 'fault', 'started', 'step']);
    expect(next.all('fault')[0]).toMatchObject({ sid: 4, error: { code: 'engine_lost' } });
    expect(next.lane(2 ** 31).ids).toEqual(link.lane(1).ids);
    next.release(4, Mode.drop);
    expect(host.load().sessionsLive).toBe(0);
  });

  test('drains at once', () => {
    const { link, host, clock, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    driver.break('a stage is gone');
    let drained = 0;
    host.drain(30_000, 'stop', () => (drained += 1));
    clock.advance(1);
    expect(drained).toBe(1);
  });
});

describe('a drain', () => {
  const drains = (): ReturnType<typeof rig> & { drained: () => number } => {
    const built = rig();
    let drained = 0;
    built.link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 60_000 });
    built.clock.advance(5);
    built.host.drain(30_000, 'stop', () => (drained += 1));
    return { ...built, drained: () => drained };
  };

  test('does not wait for a turn that nobody has come back to', () => {
    const { link, clock, drained } = drains();
    link.release(1, Mode.detach);
    clock.advance(1_500);
    expect(drained()).toBe(0);
    clock.advance(10_000);
    expect(drained()).toBe(1);
  });

  test('ends with the last turn that was moved away', () => {
    const { link, clock, drained, driver } = drains();
    link.release(1, Mode.drop);
    clock.advance(5);
    expect([drained(), driver.load().slotsFree]).toEqual([1, 16]);
  });

  test('lets a gateway come back to its session, which then waits for it, and takes no new one', () => {
    const { link, host, clock, drained } = drains();
    link.peer.closed();
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION });
    next.open({ sid: 2, sessionId: OTHER });
    next.start({ sid: 1, lane: 1, turnId: 't2' });
    expect([next.all('opened').length, next.faults()]).toEqual([1, ['draining', 'draining']]);
    clock.advance(20_000);
    expect(drained()).toBe(0);
    clock.advance(10_100);
    next.credit(2 ** 31, next.received(2 ** 31), 8_192);
    expect([drained(), next.lane(2 ** 31).ended]).toMatchObject([1, { finishReason: 'draining' }]);
  });
});

describe('parking', () => {
  test('streams and contexts may leave the wafer after the grace, and what still comes to be as well', () => {
    const { link, clock, driver, host } = rig({ prefillMs: 3 });
    link.prefill({ sid: 1, op: 1, append: [{ itemJson: 'root' }] });
    clock.advance(5);
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 1 });
    clock.advance(10);
    link.start({ sid: 1, lane: 2, turnId: 't2' });
    clock.advance(5);
    link.start({ sid: 1, lane: 3, turnId: 't3' });
    link.prefill({ sid: 1, op: 2, draftId: 'w', append: [{ itemJson: 'warm' }] });
    link.release(1, Mode.park);
    expect(driver.parked).toEqual([{ context: 2 }, { stream: 0 }, { context: 1 }]);
    expect(host.load()).toMatchObject({ sessionsLive: 1, sessionsParked: 1 });
    clock.advance(10);
    expect(driver.parked.slice(3)).toEqual([{ stream: 1 }, { context: 3 }]);
    expect(driver.calls).toEqual(['pause 0', 'pause 1']);
    new FakeLink(host).open({ sid: 1, sessionId: SESSION });
    expect(driver.calls.slice(2)).toEqual(['resume 0', 'resume 1']);
    expect(host.load().sessionsParked).toBe(0);
  });
});

describe('a session that has lived elsewhere meanwhile', () => {
  test.each([
    { name: 'the epoch after the one given here', minEpoch: 2, wantKvTokens: 7, want: [] },
    { name: 'a later one', minEpoch: 3, wantKvTokens: 0, want: ['session_outlived'] },
  ])('is known by a min_epoch: $name', ({ minEpoch, wantKvTokens, want }) => {
    const { link, host, clock, counts, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(7);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, minEpoch });
    expect(next.all('opened')[0]).toMatchObject({ epoch: minEpoch, kvTokens: wantKvTokens });
    expect(link.all('fault')[0]).toMatchObject({ epoch: minEpoch, error: { code: 'epoch_stale' } });
    expect(counts).toEqual(want);
    if (wantKvTokens > 0) return;
    clock.advance(5);
    expect([...driver.contexts.keys()]).toEqual([0]);
    next.start({ sid: 1, lane: 2, turnId: 't1', maxOutputTokens: 4, creditTokens: 100 });
    clock.advance(10);
    expect(next.lane(2).ended).toMatchObject({ endOffset: 4 });
  });
});
