import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { engineKey, locateRequest, readLocated, sessionKey } from '@reticle/services/bus/signals';
import { FakeLink } from './fake-link.ts';
import { SESSION } from './host-rig.ts';
import {
  CELL_KEYS,
  ENGINE,
  EPOCH,
  OTHER,
  Outcome,
  readAck,
  redirect,
  SIGNAL,
  signalRig,
  subjectFor,
} from './signals-rig.ts';

const [NEW, OLD] = CELL_KEYS;
const direct = { direct: true };

describe('an interrupt by signal', () => {
  test.each([
    { name: 'the bus', sent: {} },
    { name: 'gRPC', sent: { direct: true } },
    { name: 'gRPC, signed with the older key', sent: { direct: true, key: sessionKey(OLD, SESSION) } },
  ])('over $name cuts once and tells its sender and the lane the same receipt, then Ended', async ({ sent }) => {
    const { clock, link, send, counts } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const sending = send({ interrupt: { turnId: 't1', mode: 2, keepThroughOffset: 10 } }, sent);
    clock.advance(10);
    const ack = readAck(await sending);
    const { ended } = link.lane(1);
    expect(ack).toMatchObject({ signalId: SIGNAL, engineId: ENGINE, code: '', epoch: 0 });
    expect(ack?.ack).toMatchObject({
      outcome: Outcome.applied,
      turnId: 't1',
      effectiveOffset: 10,
      kvAction: 1,
      seq: 0,
    });
    expect(link.all('cutDone')).toMatchObject([{ lane: 1, signalId: SIGNAL, outcome: 1, effectiveOffset: 10 }]);
    expect(ack?.ack?.generatedOffset).toBe(link.all('cutDone')[0]?.generatedOffset);
    expect(ack?.ack?.wastedTokens).toBe((ack?.ack?.generatedOffset ?? 0) - 10);
    expect(ended).toMatchObject({ status: 2, endOffset: 10 });
    expect(link.kinds().slice(-2)).toEqual(['cutDone', 'ended']);
    expect(counts).toEqual(['signal_taken']);
  });

  test('cuts a session whose gateway is gone, and the next one finds it so', async () => {
    const { clock, link, host, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.peer.closed();
    const sending = send();
    clock.advance(10);
    const ack = readAck(await sending)?.ack;
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 0, creditTokens: 512 }] });
    expect(next.lane(1).ended).toMatchObject({ status: 2, endOffset: ack?.effectiveOffset });
  });

  test('1,000 copies on both paths, before and after the effect, are one effect and one answer', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const timers = clock.pending;
    const copies = Array.from({ length: 500 }, (_, copy) => send({}, { direct: copy % 2 === 0 }));
    expect(clock.pending).toBe(timers + 1);
    clock.advance(10);
    copies.push(...Array.from({ length: 500 }, (_, copy) => send({}, { direct: copy % 2 === 0 })));
    const answers = new Set((await Promise.all(copies)).map((bytes) => Buffer.from(bytes ?? []).toString('hex')));
    expect(answers.size).toBe(1);
    expect(link.all('cutDone')).toHaveLength(1);
    expect(link.all('ended')).toHaveLength(1);
    expect(readAck(await copies[999])?.ack).toMatchObject({ outcome: Outcome.applied });
  });

  test('a late copy finds its own answer while the next turn runs, which it leaves alone', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const first = send();
    clock.advance(10);
    link.start({ sid: 2, lane: 2, turnId: 't2', parentTurnId: 't1', maxOutputTokens: 60 });
    clock.advance(600_000);
    expect(await send({ issuedMs: 0, expiresMs: 60_000 })).toEqual(await first);
    expect(link.lane(2).ended).toMatchObject({ status: 4, endOffset: 60 });
  });

  test('a copy in band and one by signal share the effect; each gets the answer on its own path', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.cut({ lane: 1, signalId: SIGNAL, mode: 3 });
    const sending = send();
    clock.advance(10);
    expect(readAck(await sending)?.ack?.outcome).toBe(Outcome.applied);
    expect(link.all('cutDone')).toHaveLength(1);
    link.cut({ lane: 1, signalId: SIGNAL, mode: 3 });
    expect(link.all('cutDone')).toHaveLength(2);
    expect(link.all('cutDone')[1]).toEqual(link.all('cutDone')[0]);
  });

  test('a second control by signal gets ALREADY_ENDED with the same E, and the lane hears of one cut', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const first = send({ interrupt: { mode: 2, keepThroughOffset: 7 } });
    const second = send({ signalId: OTHER, interrupt: { mode: 2, keepThroughOffset: 3 } });
    clock.advance(10);
    expect(readAck(await first)?.ack).toMatchObject({ outcome: Outcome.applied, effectiveOffset: 7 });
    expect(readAck(await second)?.ack).toMatchObject({ outcome: Outcome.alreadyEnded, effectiveOffset: 7 });
    expect(link.all('cutDone')).toHaveLength(1);
  });

  test('a control by signal that is repeated in band while it waits is answered on the lane too', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.cut({ lane: 1, signalId: OTHER, mode: 2, keepThroughOffset: 7 });
    const second = send();
    link.cut({ lane: 1, signalId: SIGNAL, mode: 3 });
    clock.advance(10);
    expect(readAck(await second)?.ack).toMatchObject({ outcome: Outcome.alreadyEnded, effectiveOffset: 7 });
    expect(link.all('cutDone').map(({ signalId, outcome }) => [signalId, outcome])).toEqual([
      [OTHER, Outcome.applied],
      [SIGNAL, Outcome.alreadyEnded],
    ]);
  });

  test('at an item boundary it pends, and a repeat gets the final answer once there is one', async () => {
    const items = [
      { itemIndex: 0, kind: 'message', atOffset: 0, closed: false },
      { itemIndex: 0, kind: 'message', atOffset: 9, closed: true },
    ] as const;
    const { clock, link, send } = signalRig({ items: () => items });
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(5);
    const boundary = { interrupt: { mode: 4 } } as const;
    expect(readAck(await send(boundary))?.ack).toMatchObject({ outcome: Outcome.pending });
    expect(link.all('cutDone')).toEqual([]);
    clock.advance(20);
    expect(readAck(await send(boundary))?.ack).toMatchObject({ outcome: Outcome.applied, effectiveOffset: 9 });
    expect(link.all('cutDone')).toMatchObject([{ signalId: SIGNAL, outcome: Outcome.applied }]);
  });

  test('an engine that does not stop gives no answer in a second; the repeat finds what came of it', async () => {
    const { clock, link, send } = signalRig({ stepMs: 3_000 });
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(10);
    const sending = send();
    clock.advance(limits.signalGiveUpMs);
    expect(await sending).toBeUndefined();
    const again = send();
    expect(again).not.toBe(sending);
    clock.advance(500);
    clock.advance(3_000);
    expect(readAck(await send())?.ack).toMatchObject({ outcome: Outcome.applied });
  });
});

describe('a failed replica', () => {
  test('refuses a control of a running turn at once, and lets one under way go without an answer', async () => {
    const { clock, link, driver, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const underWay = send();
    driver.break('a stage is gone');
    expect(readAck(await send({ signalId: OTHER }))?.code).toBe('engine_lost');
    clock.advance(limits.signalGiveUpMs);
    expect(await underWay).toBeUndefined();
  });
});

describe('a redirect by signal', () => {
  test("starts its successor on a lane of the host, behind its record on the owner's link", async () => {
    const { clock, link, send, driver } = signalRig({ slots: 1 });
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.messages = [];
    const sending = send(redirect({}, { mode: 2, keepThroughOffset: 10 }), direct);
    clock.advance(30);
    expect(readAck(await sending)?.ack).toMatchObject({ outcome: Outcome.applied, effectiveOffset: 10 });
    expect(link.kinds()).toEqual(['cutDone', 'ended', 'transcript', 'started', 'ended']);
    expect(link.all('transcript')[0]).toMatchObject({
      sid: 2,
      turnId: 't2',
      start: { parentTurnId: 't1', priority: 1 },
    });
    const lane = link.all('started')[0]?.lane ?? 0;
    expect(lane).toBeGreaterThanOrEqual(2 ** 31);
    expect(link.lane(lane).ended).toMatchObject({ endOffset: 5, status: 4 });
    expect(driver.starts[1]).toMatchObject({ successor: true, maxOutputTokens: 5, afterOutput: true });
    const again = await send(redirect({}, { mode: 2, keepThroughOffset: 10 }), direct);
    expect(again).toEqual(await sending);
    expect(driver.starts).toHaveLength(2);
  });

  test('whose successor cannot start leaves the cut, and the owner is told of both', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.messages = [];
    const sending = send(redirect({ maxOutputTokens: 1_000_000 }), direct);
    clock.advance(30);
    expect(readAck(await sending)?.ack).toMatchObject({ outcome: Outcome.applied });
    expect(link.kinds()).toEqual(['cutDone', 'ended', 'transcript']);
    expect(link.all('transcript')[0]).toMatchObject({
      turnId: 't2',
      last: true,
      ended: { status: 5, error: { code: 'value_out_of_range' } },
    });
  });

  test('of a session whose gateway is gone runs into its ring', async () => {
    const { clock, link, host, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.peer.closed();
    const sending = send(redirect(), direct);
    clock.advance(30);
    expect(readAck(await sending)?.ack).toMatchObject({ outcome: Outcome.applied });
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 4, turnId: 't2', nextOffset: 0, creditTokens: 512 }] });
    expect(next.lane(4)).toMatchObject({ ended: { endOffset: 5 } });
  });

  test('whose successor fails in the driver tells its end by its record, since no lane was told', async () => {
    const { clock, link, driver, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    driver.failNext = new ReticleError('no_capacity', 'no KV');
    const sending = send(redirect(), direct);
    clock.advance(30);
    expect(readAck(await sending)?.ack).toMatchObject({ outcome: Outcome.applied });
    const last = link.all('transcript').at(-1);
    expect(last).toMatchObject({ last: true, ended: { status: 5, error: { code: 'no_capacity' } } });
    expect(link.all('ended').map(({ lane }) => lane)).toEqual([1]);
  });
});

describe('a drain by signal', () => {
  const key = engineKey(NEW, ENGINE);
  const drain = { replicaEpoch: 5, deadlineMs: 50, reason: 'rollout' };
  const base = { drain, sessionId: '', tenant: '', turnId: '', epoch: 0 };

  test.each([{ sent: { key } }, { sent: { key, direct: true } }])(
    'drains once, copies do not move its bound',
    async ({ sent }) => {
      const { clock, link, send } = signalRig();
      link.start({ sid: 2, lane: 1, turnId: 't1' });
      const first = await send(base, sent);
      clock.advance(40);
      expect(await send(base, sent)).toEqual(first);
      clock.advance(20);
      expect(readAck(first, subjectFor(base))?.ack?.outcome).toBe(Outcome.applied);
      expect(link.all('drain')).toHaveLength(1);
      expect(link.lane(1).ended).toMatchObject({ error: { code: 'draining' } });
    },
  );

  test.each([
    {
      name: 'another replica',
      over: { drain: { ...drain, replicaEpoch: 4 } },
      sent: { key },
      want: 'epoch_stale',
      epoch: 5,
    },
    {
      name: 'a later replica',
      over: { drain: { ...drain, replicaEpoch: 6 } },
      sent: { key },
      want: 'epoch_stale',
      epoch: 5,
    },
    { name: 'a session key', over: {}, sent: {}, want: 'invalid_request' },
    { name: 'the key of another engine', over: {}, sent: { key: engineKey(NEW, OTHER) }, want: 'invalid_request' },
    { name: 'an old signal', over: { issuedMs: 1, expiresMs: 2 }, sent: { key }, want: 'turn_stale' },
    { name: 'an id that is none', over: { signalId: '>' }, sent: { key }, want: 'invalid_request' },
  ])('$name does not drain: $want', async ({ over, sent, want, epoch = 0 }) => {
    const { link, send } = signalRig();
    const ack = readAck(await send({ ...base, ...over }, sent), subjectFor(base));
    expect(ack).toMatchObject({ code: want, epoch });
    expect(link.all('drain')).toEqual([]);
  });
});

describe('locate', () => {
  test.each([
    { name: 'the newest key', key: NEW },
    { name: 'the key before it', key: OLD },
  ])('is answered to an asker with $name', ({ key }) => {
    const { signals } = signalRig();
    const bytes = signals.locate(locateRequest(key, SESSION, 'acme'), 'host:7001');
    expect(readLocated(bytes ?? new Uint8Array(), SESSION)).toEqual({
      sessionId: SESSION,
      engineId: ENGINE,
      address: 'host:7001',
      epoch: EPOCH,
      tier: 1,
    });
  });

  test.each([
    { name: 'a session that is not here', bytes: locateRequest(NEW, OTHER, 'acme'), counts: [] },
    { name: 'another tenant', bytes: locateRequest(NEW, SESSION, 'evil'), counts: ['locate_refused'] },
    {
      name: 'a key nobody gave',
      bytes: locateRequest({ ...NEW, key: new Uint8Array(32) }, SESSION, 'acme'),
      counts: ['locate_refused'],
    },
    { name: 'garbage', bytes: Uint8Array.of(0xff), counts: ['locate_refused'] },
  ])('$name gets silence', ({ bytes, counts }) => {
    const rigged = signalRig();
    expect(rigged.signals.locate(bytes, 'host:7001')).toBeUndefined();
    expect(rigged.counts).toEqual(counts);
  });
});
