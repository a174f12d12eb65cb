import { describe, expect, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import { engineKey, encodeLocated, openSignal, sessionKey, signAck } from '@reticle/services/bus/signals';
import type { Interrupt, Redirect } from '@reticle/services/session';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import {
  CELL,
  CELL_KEYS,
  ENGINE,
  senderRig,
  SESSION,
  settling,
  TARGET,
  type Fate,
  type SenderScript,
} from './signal-rig.ts';
import { SignalSender } from './signal-sender.ts';

const SIGNAL = 'q'.repeat(26);
const interrupt: Interrupt = {
  turnId: 't1',
  mode: 'keep-through-offset',
  keepThroughOffset: 7,
  reason: 'user',
  signalId: SIGNAL,
  bodyDigest: 'd',
};
const redirect: Redirect = {
  cut: interrupt,
  successor: {
    turnId: 't2',
    parentTurnId: '',
    input: [
      { kind: 'item', json: '{"role":"user"}' },
      { kind: 'tokens', ids: [4, 5] },
    ],
    params: { stop: ['x'], temperature: 0, outputLength: 'exact', choice: 1, textFormat: '{"type":"json_object"}' },
    maxOutputTokens: 9,
    maxDurationMs: 1_500,
    tier: 'fast',
    prefillOnly: false,
    bodyDigest: 'd2',
  },
};
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte));
const ok = (answerMs: number): Fate => ({ answerMs });
const fails = (failMs: number): Fate => ({ failMs });

type Timeline = SenderScript & {
  readonly name: string;
  readonly attempts: readonly string[];
  readonly ms: number;
  readonly want: 'applied' | 'engine_lost';
};

describe('the hedge of an interrupt', () => {
  test.each<Timeline>([
    { name: 'the bus answers', bus: [ok(5)], attempts: ['0 bus'], ms: 5, want: 'applied' },
    {
      name: 'nobody listens on the bus',
      bus: [fails(5)],
      rpc: [ok(3)],
      attempts: ['0 bus', '5 rpc'],
      ms: 8,
      want: 'applied',
    },
    {
      name: 'the bus is away',
      bus: [{ failMs: 0, failure: 'disconnected' }],
      rpc: [ok(3)],
      attempts: ['0 bus', '0 rpc'],
      ms: 3,
      want: 'applied',
    },
    {
      name: 'the bus is frozen',
      bus: ['nothing'],
      rpc: [ok(4)],
      attempts: ['0 bus', '15 rpc'],
      ms: 19,
      want: 'applied',
    },
    {
      name: 'the bus is slow and answers before gRPC does',
      bus: [ok(20)],
      rpc: [ok(30)],
      attempts: ['0 bus', '15 rpc'],
      ms: 20,
      want: 'applied',
    },
    {
      name: 'gRPC is dead and the second request on the bus arrives',
      bus: ['nothing', ok(6)],
      rpc: [fails(1)],
      attempts: ['0 bus', '15 rpc', '50 bus', '50 rpc'],
      ms: 56,
      want: 'applied',
    },
    {
      name: 'both lose the first attempt',
      bus: ['nothing', 'nothing'],
      rpc: ['nothing', ok(2)],
      attempts: ['0 bus', '15 rpc', '50 bus', '50 rpc'],
      ms: 52,
      want: 'applied',
    },
    {
      name: 'an answer as late as can be',
      bus: [ok(999)],
      attempts: ['0 bus', '15 rpc', '50 bus', '50 rpc'],
      ms: 999,
      want: 'applied',
    },
    { name: 'silence everywhere', attempts: ['0 bus', '15 rpc', '50 bus', '50 rpc'], ms: 1_000, want: 'engine_lost' },
    {
      name: 'both paths dead: nothing is left to wait for after the repeat',
      bus: [fails(1)],
      rpc: [fails(2)],
      attempts: ['0 bus', '1 rpc', '50 bus', '50 rpc'],
      ms: 52,
      want: 'engine_lost',
    },
    {
      name: 'a forged ack on the bus counts as none',
      bus: [{ answerMs: 2, spoil: flip }],
      rpc: [ok(3)],
      attempts: ['0 bus', '2 rpc'],
      ms: 5,
      want: 'applied',
    },
  ])('$name', async ({ bus, rpc, attempts, ms, want }) => {
    const rig = senderRig({ ...(bus ? { bus } : {}), ...(rpc ? { rpc } : {}) });
    const settled = await rig.settle(rig.sender.interrupt(TARGET, interrupt));
    expect(rig.attempts).toEqual(attempts);
    expect(settled.ms).toBe(ms);
    if (want === 'applied') expect(settled.value).toMatchObject({ outcome: 'applied', effectiveOffset: 7 });
    else expect(settled.error).toMatchObject({ code: want });
    rig.clock.advance(2_000);
    expect(rig.attempts).toEqual(attempts);
    // The same bytes each time, so that the host knows the copies.
    for (const bytes of rig.sent) expect(bytes).toEqual(rig.sent[0]);
  });

  test('answers that cross are one answer', async () => {
    const rig = senderRig({ bus: [ok(16)], rpc: [ok(1)] });
    const { value } = await rig.settle(rig.sender.interrupt(TARGET, interrupt));
    rig.clock.advance(2_000);
    expect(value).toMatchObject({ kind: 'control-ack', seq: 0, signalId: SIGNAL, turnId: 't1', outcome: 'applied' });
    expect(rig.signals).toHaveLength(2);
    expect(rig.counts).toEqual(['signal_sent', 'signal_hedged']);
  });

  test('bad acks are counted, and none of them wins', async () => {
    const subject = `reticle.int.${CELL}.${ENGINE}.${SESSION}`;
    const ack = { signalId: SIGNAL, engineId: ENGINE, ack: { outcome: 1 } } as const;
    const key = sessionKey(CELL_KEYS[0], SESSION);
    const wrong = [
      signAck(key, subject, { ...ack, signalId: 'r'.repeat(26) }),
      signAck(key, subject, { ...ack, engineId: 'f'.repeat(26) }),
      signAck(key, `${subject}x`, ack),
      signAck(undefined, subject, ack),
      new Uint8Array(),
    ];
    for (const bytes of wrong) {
      const rig = senderRig({ bus: [{ answerMs: 1, spoil: () => bytes }], rpc: [fails(1)] });
      const { error } = await rig.settle(rig.sender.interrupt(TARGET, interrupt));
      expect(error).toMatchObject({ code: 'engine_lost' });
      expect(rig.counts).toEqual(['signal_sent', 'signal_bad_ack', 'signal_hedged', 'signal_bad_ack', 'signal_lost']);
    }
  });
});

describe('what a signal says', () => {
  test('session, turn, epoch, time and control, signed with the newest key', async () => {
    const rig = senderRig({ bus: [ok(1)] });
    await rig.settle(rig.sender.interrupt(TARGET, interrupt));
    const issuedMs = 1_767_225_600_000;
    expect(rig.signals).toMatchObject([
      {
        signalId: SIGNAL,
        tenant: 'acme',
        sessionId: SESSION,
        turnId: 't1',
        epoch: 3,
        issuedMs,
        expiresMs: issuedMs + 60_000,
        origin: 'gw',
        interrupt: { turnId: 't1', mode: 2, keepThroughOffset: 7, reason: 'user', signalId: SIGNAL },
      },
    ]);
  });

  test('a redirect goes by gRPC alone and carries the whole successor', async () => {
    const rig = senderRig({ bus: [ok(1)], rpc: ['nothing', ok(1)] });
    const { value } = await rig.settle(rig.sender.redirect(TARGET, redirect));
    expect(value).toMatchObject({ outcome: 'applied' });
    expect(rig.attempts).toEqual(['0 rpc', '50 rpc']);
    expect(rig.signals[0]?.redirect).toMatchObject({
      cut: { mode: 2, keepThroughOffset: 7 },
      successor: {
        turnId: 't2',
        input: [{ itemJson: '{"role":"user"}' }, { tokens: { tokenIds: [4, 5] } }],
        params: { stop: ['x'], temperature: 0, outputLength: 2, choice: 1, textFormatJson: '{"type":"json_object"}' },
        maxOutputTokens: 9,
        maxDuration: { seconds: 1, nanos: 500_000_000 },
        tier: 2,
        prefillOnly: false,
        draft: null,
      },
    });
  });

  test('a redirect may be large, an interrupt may not', async () => {
    const input = [{ kind: 'item', json: 'x'.repeat(100_000) }] as const;
    const large = { ...redirect, successor: { ...redirect.successor, input } };
    const rig = senderRig({ rpc: [ok(1)] });
    expect((await rig.settle(rig.sender.redirect(TARGET, large))).value).toMatchObject({ outcome: 'applied' });
    const wordy = rig.sender.interrupt(TARGET, { ...interrupt, reason: 'x'.repeat(limits.signalBytesMax) });
    expect((await rig.settle(wordy)).error).toMatchObject({ code: 'request_too_large' });
    expect(rig.attempts).toHaveLength(1);
  });

  test('a drain names the replica, is signed with the engine key, and rejects with the refusal', async () => {
    const refuse = { ack: { outcome: 4 }, code: 'epoch_stale', epoch: 9 } as const;
    const target = { engineId: ENGINE, address: 'host:7001', cell: CELL, replicaEpoch: 5 };
    const rig = senderRig({ bus: [ok(1)] });
    expect((await rig.settle(rig.sender.drain(target, 50, 'rollout'))).error).toBeUndefined();
    expect(rig.signals).toMatchObject([{ drain: { replicaEpoch: 5, deadlineMs: 50, reason: 'rollout' } }]);
    const stale = senderRig({ bus: [ok(1)], answer: () => refuse });
    expect((await stale.settle(stale.sender.drain(target, 50, ''))).error).toMatchObject({ code: 'epoch_stale' });
    expect(stale.signals).toHaveLength(1);
  });
});

describe('answers that call for another signal', () => {
  test('a later epoch is signed for once, with the same id', async () => {
    const stale = (epoch: number) => ({ ack: { outcome: 4 as const }, code: 'epoch_stale', epoch });
    const moved = senderRig({ bus: [ok(1)], answer: ({ epoch }) => (epoch === 3 ? stale(8) : undefined) });
    expect((await moved.settle(moved.sender.interrupt(TARGET, interrupt))).value).toMatchObject({ outcome: 'applied' });
    expect(moved.signals.map(({ epoch, signalId }) => [epoch, signalId])).toEqual([
      [3, SIGNAL],
      [8, SIGNAL],
    ]);
    const moving = senderRig({ bus: [ok(1)], answer: ({ epoch }) => stale(epoch + 1) });
    expect((await moving.settle(moving.sender.interrupt(TARGET, interrupt))).value).toMatchObject({
      outcome: 'stale',
      code: 'epoch_stale',
    });
    expect(moving.signals).toHaveLength(2);
  });

  test.each([
    { name: 'an engine behind the signal', epoch: 2, code: 'epoch_stale' },
    { name: 'another turn that runs', epoch: 0, code: 'turn_stale' },
  ])('$name is told to the caller as it is', async ({ epoch, code }) => {
    const rig = senderRig({ bus: [ok(1)], answer: () => ({ ack: { outcome: 4 }, code, epoch }) });
    expect((await rig.settle(rig.sender.interrupt(TARGET, interrupt))).value).toMatchObject({ outcome: 'stale', code });
    expect(rig.signals).toHaveLength(1);
  });

  test('an engine that knows the session by the older key alone is asked with that one', async () => {
    const rig = senderRig({ bus: [ok(1)], engineCellKeys: [CELL_KEYS[1]] });
    expect((await rig.settle(rig.sender.interrupt(TARGET, interrupt))).value).toMatchObject({ outcome: 'applied' });
    expect(rig.attempts).toEqual(['0 bus', '1 bus']);
  });

  test('an engine that does not hold the session: session_not_found, after both keys', async () => {
    const none = { kid: 'k9', key: CELL_KEYS[0].key };
    const rig = senderRig({ bus: [ok(1)], engineCellKeys: [none] });
    const { error, ms } = await rig.settle(rig.sender.interrupt(TARGET, interrupt));
    expect(error).toMatchObject({ code: 'session_not_found' });
    expect([rig.attempts.length, ms]).toEqual([2, 2]);
  });

  test('all rounds share one second', async () => {
    const rig = senderRig({ bus: [ok(600)], engineCellKeys: [CELL_KEYS[1]] });
    const { error, ms } = await rig.settle(rig.sender.interrupt(TARGET, interrupt));
    expect([error, ms]).toMatchObject([{ code: 'engine_lost' }, 1_000]);
  });

  test.each([
    { outcome: 6, want: 'pending' },
    { outcome: 2, want: 'already-ended' },
    { outcome: 3, code: 'turn_not_found', want: 'not-found' },
    { outcome: 7, code: 'idempotency_conflict', want: 'refused' },
  ] as const)('$want is an answer', async ({ outcome, want, ...more }) => {
    const code = 'code' in more ? more.code : '';
    const rig = senderRig({ bus: [ok(1)], answer: () => ({ ack: { outcome }, code }) });
    const { value } = await rig.settle(rig.sender.interrupt(TARGET, interrupt));
    expect(value).toMatchObject({ outcome: want, ...(code === '' ? {} : { code }) });
    expect(rig.attempts).toEqual(['0 bus']);
  });
});

describe('locate', () => {
  const located = { sessionId: SESSION, engineId: ENGINE, address: 'host:7001', epoch: 4, tier: 1 } as const;

  /** A bus on which the n-th question (one per key) has the n-th reply. */
  function asking(replies: readonly ({ afterMs: number; bytes?: Uint8Array } | undefined)[]) {
    const clock = new VirtualClock();
    const asked: string[] = [];
    const request = (subject: string): Promise<Uint8Array> => {
      const reply = replies[asked.push(subject) - 1];
      return new Promise((resolve, reject) => {
        if (reply === undefined) return;
        clock.after(reply.afterMs, () => (reply.bytes ? resolve(reply.bytes) : reject(new Error('no responders'))));
      });
    };
    const transport = { call: () => Promise.reject(new Error('locate has one path')) };
    const random = seededRandom(1);
    const sender = new SignalSender({
      bus: { request },
      transport,
      clock,
      random,
      keys: CELL_KEYS,
      cell: CELL,
      origin: 'gw',
    });
    return { clock, sender, asked, settle: settling(clock) };
  }

  const owner = encodeLocated(located);
  test.each([
    { name: 'the owner answers', replies: [{ afterMs: 3, bytes: owner }], found: true, ms: 3 },
    {
      name: 'the owner knows the older key alone',
      replies: [{ afterMs: 1 }, { afterMs: 4, bytes: owner }],
      found: true,
      ms: 4,
    },
    { name: 'nobody answers', replies: [], found: false, ms: limits.locateMs },
    { name: 'nobody listens', replies: [{ afterMs: 1 }, { afterMs: 2 }], found: false, ms: 2 },
    {
      name: 'answers about another session',
      replies: [1, 2].map((afterMs) => ({ afterMs, bytes: encodeLocated({ ...located, sessionId: ENGINE }) })),
      found: false,
      ms: 2,
    },
    {
      name: 'garbage',
      replies: [1, 2].map((afterMs) => ({ afterMs, bytes: Uint8Array.of(0xff) })),
      found: false,
      ms: 2,
    },
  ])('$name', async ({ replies, found, ms }) => {
    const rig = asking(replies);
    const settled = await rig.settle(rig.sender.locate(SESSION, 'acme'));
    expect(settled).toEqual({ value: found ? { ...located, tier: 'ultrafast' } : undefined, ms });
    expect(new Set(rig.asked)).toEqual(new Set([`reticle.locate.${CELL}`]));
    expect(rig.clock.pending).toBeLessThanOrEqual(1);
  });

  test.each(['', '*', '>', 'a b', `${SESSION}.x`])('an id that is none (%j) is not asked for', async (id) => {
    const rig = asking([]);
    expect(await rig.sender.locate(id, 'acme')).toBeUndefined();
    expect(rig.asked).toEqual([]);
  });
});

test('signals of the sender open at an engine under the derived keys alone', async () => {
  const rig = senderRig({ bus: [ok(1)] });
  await rig.settle(rig.sender.interrupt(TARGET, interrupt));
  const bytes = rig.sent[0] as Uint8Array;
  const keysOf = () => [engineKey(CELL_KEYS[0], ENGINE)];
  expect(openSignal(bytes, { bytesMax: 4_096, cell: CELL, engineId: ENGINE, keysOf })).toMatchObject({
    fault: 'bad_mac',
  });
});
