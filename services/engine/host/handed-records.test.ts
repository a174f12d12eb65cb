/** Turns that are made again from handed records: what was told of them stands (PROTOCOL R2, R4, S5). */
import { describe, expect, test } from '@jest/globals';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { LinkRequest, LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { messageCodec } from '@reticle/proto/load';
import { sessionSignalKeys } from '@reticle/services/bus/signals';
import { FakeLink } from './fake-link.ts';
import { SESSION } from './host-rig.ts';
import { CELL_KEYS, EPOCH, OTHER, Outcome, readAck, SIGNAL, signalRig, type SignalRig } from './signals-rig.ts';

const requests = messageCodec<LinkRequest__Input, LinkRequest>('reticle.engine.v1.LinkRequest');
const ids = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const DROP = 3;
const Mode = { keepThrough: 2, keepGenerated: 3 } as const;
const Status = { redirected: 3, incomplete: 4 } as const;

const start = { turnId: 't1', maxOutputTokens: 40, clientSeq: 7, bodyDigest: 'd' };
const cutAt12: CutDone__Input = { signalId: SIGNAL, outcome: 1, effectiveOffset: 12, generatedOffset: 15, kvAction: 1 };
const redirectedAt12: Transcript__Input = {
  generatedOffset: 15,
  ended: { status: 3, endOffset: 12, finishReason: 'redirected' },
  cuts: [cutAt12],
};

const completedAt10: Transcript__Input = { generatedOffset: 10, ended: { status: 1, endOffset: 10 } };

/** The session comes from another engine with what that one told of turn t1, of which 10 tokens were received. */
function moved(told: Transcript__Input): SignalRig {
  const made = signalRig();
  const { link } = made;
  link.release(2, DROP);
  const signalKey = Buffer.from(sessionSignalKeys(CELL_KEYS, SESSION));
  link.open({ sid: 3, sessionId: SESSION, minEpoch: EPOCH, signalKey, records: 1, defaultCreditTokens: 8_192 });
  hand(made, { turnId: 't1', ...told });
  return made;
}

function hand({ link }: SignalRig, told: Transcript__Input): void {
  const record = { sid: 3, last: true, start, tokenIds: ids(10), ...told };
  link.peer.message(requests.decode(requests.encode({ record })));
}

/** What a gateway that takes the session over is told of a turn. */
function toldOf({ host }: SignalRig, turnId: string): Transcript__Input[] {
  const next = new FakeLink(host);
  next.open({ sid: 1, sessionId: SESSION, wantTranscript: true, minEpoch: EPOCH + 1 });
  return next.all('transcript').filter((record) => record.turnId === turnId);
}

const again = { sid: 3, lane: 1, turnId: 't1', forcedTokenIds: ids(10) };

describe('a turn that is made again at another engine', () => {
  test.each([
    {
      name: 'that it was redirected',
      told: redirectedAt12,
      want: { outcome: Outcome.alreadyEnded, effectiveOffset: 12, generatedOffset: 15, wastedTokens: 3 },
      ended: { status: Status.redirected, endOffset: 12, finishReason: 'redirected' },
    },
    {
      name: 'its end alone, by a control that came too late',
      told: { cuts: [{ ...cutAt12, outcome: 2 as const, generatedOffset: 12 }] },
      want: { outcome: Outcome.alreadyEnded, effectiveOffset: 12, generatedOffset: 12, wastedTokens: 0 },
      ended: { status: Status.incomplete, endOffset: 12, finishReason: 'length' },
    },
  ])('after somebody was told $name, ends there whatever control comes', async ({ told, want, ended }) => {
    const { link, clock, send } = moved(told);
    link.start({ ...again, maxOutputTokens: 12 });
    clock.advance(1);
    const ack = readAck(await send({ signalId: OTHER, interrupt: { turnId: 't1', mode: Mode.keepGenerated } }));
    expect(ack?.ack).toMatchObject(want);
    clock.advance(20);
    expect(link.lane(1).ended).toMatchObject(ended);
    expect(link.received(1)).toBe(12);
  });

  test('answers a copy of a control as the engine before did, also while it is not here yet', async () => {
    const { link, clock, send } = moved(redirectedAt12);
    const copies = [await send()];
    link.start({ ...again, maxOutputTokens: 12 });
    copies.push(await send());
    clock.advance(20);
    copies.push(await send());
    for (const copy of copies) {
      expect(readAck(copy)?.ack).toMatchObject({ outcome: Outcome.applied, effectiveOffset: 12, generatedOffset: 15 });
    }
  });

  test('tells the next gateway the request and the end that its client knows', () => {
    const { link, host, clock } = moved(redirectedAt12);
    link.start({ ...again, forcedTokenIds: ids(12), maxOutputTokens: 12 });
    clock.advance(20);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, wantTranscript: true, minEpoch: EPOCH + 1 });
    expect(next.all('transcript').find(({ turnId }) => turnId === 't1')).toMatchObject({
      start: { maxOutputTokens: 40, clientSeq: 7, bodyDigest: 'd', forcedTokenIds: [] },
      ended: { status: Status.redirected, endOffset: 12 },
      generatedOffset: 15,
      tokenIds: ids(12),
      cuts: [{ signalId: SIGNAL, outcome: 1, effectiveOffset: 12 }],
    });
  });

  test('for its context alone is told to the next gateway as it was handed over, which may make it again', () => {
    const { link, host, clock } = moved(redirectedAt12);
    link.start({ ...again, forcedTokenIds: ids(12), maxOutputTokens: 12 });
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, wantTranscript: true, minEpoch: EPOCH + 1 });
    const told = next.all('transcript').filter(({ turnId }) => turnId === 't1');
    expect(told).toMatchObject([{ cold: true, ended: { status: Status.redirected, endOffset: 12 } }]);
    expect(next.all('opened')[0]?.turns).toEqual([]);
    clock.advance(20);
    expect(next.all('started')).toEqual([]);
    next.start({ ...again, sid: 1, forcedTokenIds: ids(12), maxOutputTokens: 12 });
    clock.advance(1);
    expect(next.lane(1).ended).toMatchObject({ status: Status.redirected, endOffset: 12 });
    const third = new FakeLink(host);
    third.open({ sid: 1, sessionId: SESSION, wantTranscript: true, minEpoch: EPOCH + 2 });
    expect(third.all('transcript').filter(({ turnId }) => turnId === 't1')).not.toMatchObject([{ cold: true }]);
  });

  test('that still owes tokens runs on for the next gateway', () => {
    const { link, host } = moved(redirectedAt12);
    link.start({ ...again, maxOutputTokens: 12 });
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, wantTranscript: true, minEpoch: EPOCH + 1 });
    expect(next.all('opened')[0]?.turns).toMatchObject([{ turnId: 't1', ended: false }]);
  });

  test('is cut by its own gateway where the context of that end lies', () => {
    const told = { ...redirectedAt12, tokenIds: [], ended: { ...redirectedAt12.ended, endOffset: 0 } };
    const { link, clock } = moved({ ...told, cuts: [{ ...cutAt12, effectiveOffset: 0 }] });
    link.start({ ...again, forcedTokenIds: [] });
    link.cut({ lane: 1, mode: Mode.keepThrough, keepThroughOffset: 0 });
    clock.advance(5);
    expect(link.lane(1).ended).toMatchObject({ status: Status.redirected, endOffset: 0 });
  });

  test('that runs on, untold of any end, is cut like any other', async () => {
    const { link, clock, send } = moved({ generatedOffset: 10 });
    link.start({ ...again, maxOutputTokens: 40 });
    clock.advance(3);
    const sending = send();
    clock.advance(5);
    expect(readAck(await sending)?.ack?.outcome).toBe(Outcome.applied);
  });
});

describe('a turn of which the engine has the record alone', () => {
  test.each([
    { name: 'that ran to its end', told: completedAt10, end: 10 },
    { name: 'that was cut', told: redirectedAt12, end: 12 },
  ])('$name has that end for every control that comes by signal', async ({ told, end }) => {
    const made = moved(told);
    const ack = readAck(await made.send({ signalId: OTHER }))?.ack;
    expect(ack).toMatchObject({ outcome: Outcome.alreadyEnded, effectiveOffset: end, code: '' });
    const late = readAck(await made.send({ signalId: OTHER, expiresMs: 1 }))?.ack;
    expect(late).toMatchObject({ outcome: Outcome.stale, code: 'turn_stale' });
  });

  test('is not found while nobody was told an end', async () => {
    const made = moved({ generatedOffset: 10 });
    expect(readAck(await made.send({ signalId: OTHER }))?.ack).toMatchObject({ outcome: Outcome.notFound });
  });
});

describe('a record that is handed over once more', () => {
  test('tells the next gateway the end that the turn came to elsewhere, and answers its controls', async () => {
    const made = moved({ generatedOffset: 10 });
    hand(made, { turnId: 't1', ...redirectedAt12, tokenIds: ids(12) });
    expect(readAck(await made.send())?.ack).toMatchObject({ outcome: Outcome.applied, effectiveOffset: 12 });
    expect(toldOf(made, 't1')).toMatchObject([
      { cold: true, tokenIds: ids(12), ended: { status: Status.redirected, endOffset: 12 } },
    ]);
  });

  test('changes nothing of a turn that runs here', () => {
    const made = moved({ generatedOffset: 10 });
    made.link.start({ ...again, maxOutputTokens: 40 });
    hand(made, { turnId: 't1', ...redirectedAt12 });
    const [told, ...more] = toldOf(made, 't1');
    expect([told?.ended, told?.cold, more]).toEqual([undefined, undefined, []]);
  });

  test('makes no turn that was not handed over with the session', () => {
    const made = moved({ generatedOffset: 10 });
    hand(made, { turnId: 't2', ...redirectedAt12 });
    expect(toldOf(made, 't2')).toEqual([]);
  });
});
