import { describe, expect, test } from '@jest/globals';
import { subjects } from '@reticle/proto/contract';
import type { Signal__Input } from '@reticle/proto/gen/signal/v1/Signal';
import { engineKey, sessionKey, sessionSignalKeys } from '@reticle/services/bus/signals';
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
  signalRig,
  subjectFor,
  type Sent,
} from './signals-rig.ts';

const [NEW, OLD] = CELL_KEYS;

type Bad = {
  readonly name: string;
  readonly over?: Signal__Input;
  readonly sent?: Sent;
  readonly want: { readonly outcome: number; readonly code: string; readonly epoch?: number };
  readonly count: string;
};

const unknown = { outcome: Outcome.notFound, code: 'session_not_found' };
const refused = (code: string) => ({ outcome: Outcome.refused, code });
const direct = { direct: true };
const flipLast = (bytes: Uint8Array): Uint8Array => {
  const spoilt = Uint8Array.from(bytes);
  spoilt[spoilt.length - 1] = (spoilt.at(-1) as number) ^ 1;
  return spoilt;
};

const BAD: readonly Bad[] = [
  { name: 'forged', sent: { spoil: flipLast }, want: unknown, count: 'signal_bad_mac' },
  { name: 'signed with the cell key', sent: { key: NEW }, want: unknown, count: 'signal_bad_mac' },
  { name: 'signed with the engine key', sent: { key: engineKey(NEW, ENGINE) }, want: unknown, count: 'signal_bad_mac' },
  {
    name: 'signed for another subject',
    sent: { signedFor: subjects.interrupt('local', ENGINE, OTHER) },
    want: unknown,
    count: 'signal_bad_mac',
  },
  {
    name: 'of an unknown key id',
    sent: { key: { ...sessionKey(NEW, SESSION), kid: 'k9' } },
    want: unknown,
    count: 'signal_unknown_kid',
  },
  { name: 'for a session that is not here', over: { sessionId: OTHER }, want: unknown, count: 'signal_unknown_kid' },
  { name: "for another tenant's session", over: { tenant: 'evil' }, want: unknown, count: 'signal_foreign' },
  {
    name: 'truncated',
    sent: { spoil: (bytes) => bytes.subarray(0, 40) },
    want: refused('invalid_request'),
    count: 'signal_malformed',
  },
  {
    name: 'empty',
    sent: { spoil: () => new Uint8Array() },
    want: refused('invalid_request'),
    count: 'signal_malformed',
  },
  {
    name: 'oversized on the bus',
    over: { interrupt: { mode: 3, reason: 'x'.repeat(4_096) } },
    want: refused('request_too_large'),
    count: 'signal_oversize',
  },
  {
    name: 'an oversized interrupt by gRPC',
    over: { interrupt: { mode: 3, reason: 'x'.repeat(4_096) } },
    sent: direct,
    want: refused('request_too_large'),
    count: 'signal_refused',
  },
  {
    name: '2 MiB on the bus',
    sent: { spoil: () => new Uint8Array(2 * 1024 * 1024) },
    want: refused('request_too_large'),
    count: 'signal_oversize',
  },
  {
    name: 'expired',
    over: { issuedMs: 1_767_225_600_000 - 400_000, expiresMs: 1_767_225_600_000 - 340_000 },
    want: { outcome: Outcome.stale, code: 'turn_stale' },
    count: 'signal_expired',
  },
  {
    name: 'from the future',
    over: { issuedMs: 1_767_225_600_000 + 400_000, expiresMs: 1_767_225_600_000 + 460_000 },
    want: { outcome: Outcome.stale, code: 'turn_stale' },
    count: 'signal_expired',
  },
  {
    name: 'for a later turn',
    over: { turnId: 't9', interrupt: { mode: 3 } },
    want: { outcome: Outcome.stale, code: 'turn_stale' },
    count: 'signal_stale',
  },
  {
    name: 'of an earlier epoch',
    over: { epoch: EPOCH - 1 },
    want: { outcome: Outcome.stale, code: 'epoch_stale', epoch: EPOCH },
    count: 'signal_stale',
  },
  {
    name: 'of a later epoch',
    over: { epoch: EPOCH + 1 },
    want: { outcome: Outcome.stale, code: 'epoch_stale', epoch: EPOCH },
    count: 'signal_stale',
  },
  {
    name: 'with an id that is none',
    over: { signalId: 'x' },
    want: refused('invalid_request'),
    count: 'signal_refused',
  },
  {
    name: 'whose control names another turn',
    over: { interrupt: { turnId: 't8', mode: 3 } },
    want: refused('invalid_request'),
    count: 'signal_refused',
  },
  {
    name: 'whose control has another id',
    over: { interrupt: { mode: 3, signalId: OTHER } },
    want: refused('invalid_request'),
    count: 'signal_refused',
  },
  {
    name: 'without a control',
    over: { interrupt: null },
    want: refused('missing_required_parameter'),
    count: 'signal_refused',
  },
  { name: 'a redirect on the bus', over: redirect(), want: refused('invalid_request'), count: 'signal_refused' },
  {
    name: 'a redirect whose successor has another parent',
    over: redirect({ parentTurnId: 'tx' }),
    sent: direct,
    want: refused('invalid_request'),
    count: 'signal_taken',
  },
  {
    name: 'a redirect whose successor is a turn already',
    over: redirect({ turnId: 't1' }),
    sent: direct,
    want: refused('idempotency_conflict'),
    count: 'signal_taken',
  },
  {
    name: 'a redirect without a successor',
    over: { redirect: { cut: { turnId: 't1', mode: 3 } } },
    sent: direct,
    want: refused('missing_required_parameter'),
    count: 'signal_refused',
  },
  {
    name: 'a redirect without a cut',
    over: { redirect: { successor: { turnId: 't2' } } },
    sent: direct,
    want: refused('missing_required_parameter'),
    count: 'signal_refused',
  },
  {
    name: 'a redirect to a warm-up',
    over: redirect({ prefillOnly: true }),
    sent: direct,
    want: refused('invalid_request'),
    count: 'signal_refused',
  },
  {
    name: 'a redirect with a draft',
    over: redirect({ draft: { draftId: 'd', revision: 1 } }),
    sent: direct,
    want: refused('draft_not_found'),
    count: 'signal_refused',
  },
  {
    name: 'a redirect to no output',
    over: redirect({ maxOutputTokens: 0 }),
    sent: direct,
    want: refused('value_out_of_range'),
    count: 'signal_refused',
  },
];

describe('bad signals', () => {
  test.each(BAD)('$name: a typed nack that a gateway takes, a count, and the turn runs on', async (row) => {
    const { over = {}, sent = {}, want, count } = row;
    const { clock, link, send, counts } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1', maxOutputTokens: 60 });
    clock.advance(20);
    const bytes = await send(over, sent);
    const ack = readAck(bytes, subjectFor(over));
    expect({ ...ack?.ack, epoch: ack?.epoch }).toMatchObject({ ...want, epoch: want.epoch ?? 0 });
    expect(ack?.code).toBe(want.code);
    expect(counts).toEqual([count]);
    clock.advance(200);
    expect(link.lane(1).ended).toMatchObject({ endOffset: 60, finishReason: 'length' });
    expect(link.all('cutDone')).toEqual([]);
  });

  test('forged, foreign, of an unknown key and of an unknown session answer alike', async () => {
    const acks: unknown[] = [];
    for (const { over = {}, sent = {}, want } of BAD.filter((row) => row.want === unknown)) {
      const { link, send } = signalRig();
      link.start({ sid: 2, lane: 1, turnId: 't1' });
      const { mac: _mac, ...ack } = readAck(await send(over, sent), subjectFor(over)) ?? { mac: undefined };
      acks.push(ack);
      expect(want).toBe(unknown);
    }
    expect(acks.length).toBeGreaterThan(5);
    for (const ack of acks) expect(ack).toEqual(acks[0]);
  });

  test('after the end: ALREADY_ENDED with the end, whatever the epoch; with a successor it says that none starts', async () => {
    const { clock, link, send, driver } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1', maxOutputTokens: 3 });
    clock.advance(50);
    expect(readAck(await send({ epoch: 1 }))?.ack).toMatchObject({
      outcome: Outcome.alreadyEnded,
      effectiveOffset: 3,
      wastedTokens: 0,
      code: '',
    });
    const late = { ...redirect(), signalId: OTHER };
    const first = await send(late, direct);
    expect(readAck(first)).toMatchObject({ code: 'turn_stale', ack: { outcome: Outcome.alreadyEnded } });
    expect(await send(late, direct)).toEqual(first);
    expect(driver.starts).toHaveLength(1);
    expect(link.all('cutDone')).toEqual([]);
  });

  test('for a turn nobody knows while none runs: NOT_FOUND', async () => {
    const { send } = signalRig();
    expect(readAck(await send({ turnId: 't7', interrupt: { mode: 3 } }))).toMatchObject({
      code: 'turn_not_found',
      ack: { outcome: Outcome.notFound },
    });
  });

  test('the same id with another body is a conflict, also after the answer', async () => {
    const { clock, link, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const first = send({ interrupt: { mode: 2, keepThroughOffset: 5 } });
    const other = { interrupt: { mode: 2, keepThroughOffset: 6 } } as const;
    expect(readAck(await send(other))?.code).toBe('idempotency_conflict');
    clock.advance(10);
    expect(readAck(await first)?.ack).toMatchObject({ effectiveOffset: 5 });
    expect(readAck(await send(other))?.code).toBe('idempotency_conflict');
  });

  test('an id that was stale is signed again with the epoch in force, and then applied', async () => {
    const { clock, link, host, send } = signalRig();
    link.start({ sid: 2, lane: 1, turnId: 't1' });
    clock.advance(20);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 0, creditTokens: 512 }] });
    expect(readAck(await send())).toMatchObject({ epoch: EPOCH + 1, ack: { outcome: Outcome.stale } });
    const sending = send({ epoch: EPOCH + 1 });
    clock.advance(10);
    expect(readAck(await sending)?.ack).toMatchObject({ outcome: Outcome.applied });
    expect(next.all('cutDone')).toHaveLength(1);
  });

  test('keys of a later Open replace the earlier ones; an Open without keys leaves them', async () => {
    const { host, send, counts } = signalRig();
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION });
    await send({ turnId: 't7', interrupt: { mode: 3 } });
    expect(counts.at(-1)).toBe('signal_stale');
    const newest = { kid: 'k3', key: new Uint8Array(32).fill(3) };
    next.open({ sid: 2, sessionId: SESSION, signalKey: Buffer.from(sessionSignalKeys([newest, NEW], SESSION)) });
    await send({}, { key: sessionKey(OLD, SESSION) });
    expect(counts.at(-1)).toBe('signal_unknown_kid');
    next.open({ sid: 3, sessionId: SESSION, signalKey: Buffer.from([0xff]) });
    expect(next.faults().at(-1)).toBe('invalid_request');
  });
});
