/** What no test beside the code looked at when a bug was planted there. */
import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { subjects } from '@reticle/proto/contract';
import type { Cut } from '@reticle/proto/gen/engine/v1/Cut';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Presence, Presence__Input } from '@reticle/proto/gen/engine/v1/Presence';
import { messageCodec } from '@reticle/proto/load';
import { LocalBus } from '@reticle/services/bus';
import { EngineHost, FakeDriver } from '@reticle/services/engine';
import { EngineDirectory } from '@reticle/services/stream';
import { Gateway } from './gateway.ts';
import { engineEntry, StubEngine } from './stub-engine.ts';

const start = (turnId: string) => ({
  turnId,
  parentTurnId: '',
  input: [{ kind: 'item', json: '{"type":"message","role":"user","content":"hello"}' }] as const,
  params: { stop: [] },
  prefillOnly: false,
  bodyDigest: `start ${turnId}`,
});

function gateway(seed = 1) {
  const first = engineEntry('a');
  const second = engineEntry('b');
  const engine = new StubEngine(first);
  const other = new StubEngine(second);
  const at = (stub: StubEngine): Gateway => new Gateway(new Map([[stub === engine ? first : second, stub]]), seed);
  const both = new Map([
    [first, engine],
    [second, other],
  ]);
  return { engine, other, alone: at(engine), pair: new Gateway(both, seed) };
}

describe('an admitted turn', () => {
  test('of a session whose engine never comes back gets its terminal', async () => {
    const { engine, alone } = gateway();
    await alone.create();
    const attachment = await alone.attach();
    engine.gone = true;
    engine.sids.at(-1)?.lost('silent');
    attachment.command({ seq: 1, kind: 'start-turn', start: start('t1') });
    await alone.elapse(10_000);
    const ended = alone.told('turn-ended').map(({ turnId, status, error }) => [turnId, status, error?.code]);
    expect(ended).toEqual([['t1', 'failed', 'engine_lost']]);
  });
});

describe('a session that another gateway takes over', () => {
  test('does not tell a client again that the item began in which it stands', async () => {
    const { engine, alone } = gateway();
    const token = await alone.create();
    const lane = 2 ** 31;
    const mark = { turnId: 't1', itemIndex: 0, kind: 1, atOffset: 0 } as const;
    const ids = Array.from({ length: 40 }, (_, offset) => 1_000 + offset);
    const begun = { turnId: 't1', start: { turnId: 't1', maxOutputTokens: 99 }, started: { turnId: 't1' } };
    engine.records = [
      { turnId: '', last: true },
      { ...begun, generatedOffset: 40, items: [mark], tokenIds: ids, last: true },
    ];
    engine.opened = { kvTokens: 1, turns: [{ turnId: 't1', lane, replayFrom: 0, generatedOffset: 40 }] };
    const second = new Gateway(new Map([[engineEntry('a'), engine]]), 2);
    await second.attach({ resumeToken: token, cursors: [{ turnId: 't1', nextOffset: 10, creditTokens: 0 }] });
    engine.mark(lane, mark);
    engine.tokens(lane, 0, 40);
    expect(second.told('attached')).toHaveLength(1);
    expect(second.told('item-mark')).toEqual([]);
  });
});

describe('a draining engine', () => {
  test('is left at once by a session that runs nothing', async () => {
    const { engine, other, pair } = gateway();
    await pair.create();
    await pair.attach();
    engine.sids.at(-1)?.draining(4_000);
    await pair.elapse(0);
    expect(other.opens).toHaveLength(1);
  });
});

describe('the successor of an engine', () => {
  const codec = messageCodec<Presence__Input, Presence>('reticle.engine.v1.Presence');

  test.each([
    { name: 'of the same digest in an allowed region is chosen', over: {}, want: 'b' },
    { name: 'of another digest is none, whatever its name', over: { modelDigest: 'sha256:other' }, want: undefined },
    { name: 'in a region that is not allowed is none', over: { region: 'us-test' }, want: undefined },
    { name: 'that was tried already is none', over: {}, tried: true, want: undefined },
  ])('$name', ({ over, want, ...row }) => {
    const clock = new VirtualClock();
    const bus = new LocalBus(clock);
    const directory = new EngineDirectory({ bus, clock, random: seededRandom(1), cell: 'eu' });
    const entry = engineEntry('b', over);
    const load = { state: 2, slotsFree: 4 } as const;
    bus.deliver(subjects.presence('eu', entry.engineId), codec.encode({ ...entry, seq: 1, load }));
    const { engineId, address, replicaEpoch } = entry;
    const except = new Set('tried' in row ? [`${engineId} ${address} ${replicaEpoch}`] : []);
    const asked = { model: 'spark-ref', modelDigest: 'sha256:spark', regions: ['eu-test'], except };
    expect(directory.successor(asked)?.engineId[0]).toBe(want);
  });
});

const requests = messageCodec<LinkRequest, LinkRequest>('reticle.engine.v1.LinkRequest');

/** A host with a turn that runs on lane 1 of a link. */
function linked() {
  const clock = new VirtualClock();
  const driver = new FakeDriver({ clock });
  const counts: string[] = [];
  const identity = { engineId: 'e'.repeat(26), region: 'local', replicaEpoch: 1 };
  const observer = { count: (event: string) => void counts.push(event), turnEnded: () => {} };
  const host = new EngineHost({ driver, clock, identity, observer });
  const told: LinkResponse__Input[] = [];
  const link = { writable: true, control: (each: LinkResponse__Input) => void told.push(each), step() {}, close() {} };
  const peer = host.connect(link);
  const say = (request: object): void => peer.message(requests.decode(requests.encode(request as LinkRequest)));
  const { modelDigest: wantModelDigest } = host.model;
  say({ hello: { protocol: 1, gatewayId: 'g', incarnation: '1', region: 'local', linkCount: 1, wantModelDigest } });
  say({ open: { sid: 1, sessionId: 'a'.repeat(26), tenant: 'acme', tier: 1, defaultCreditTokens: 100 } });
  say({ start: { sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 50 } });
  clock.advance(5);
  return { clock, counts, peer, say, told };
}

describe('a control', () => {
  test('is known by its turn and its id: the same id cuts the next turn too', () => {
    const { clock, say, told } = linked();
    say({ cut: { lane: 1, signalId: 's1', mode: 3 } });
    clock.advance(5);
    say({ start: { sid: 1, lane: 2, turnId: 't2', parentTurnId: 't1', maxOutputTokens: 50 } });
    clock.advance(10);
    say({ cut: { lane: 2, signalId: 's1', mode: 3 } });
    clock.advance(200);
    const ends = told.flatMap(({ ended }) => (ended ? [[ended.lane, ended.status]] : []));
    expect(ends).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });
});

describe('a host that hears what this version does not know', () => {
  test('a cut of an unknown mode is refused, and the turn runs on', () => {
    const { clock, peer, told } = linked();
    const mode = 77 as Cut['mode'];
    const cut: Cut = { lane: 1, clientSeq: 0, signalId: 's1', mode, reason: '', successor: null };
    const none = { hello: null, open: null, start: null, credit: null, prefill: null, release: null, ping: null };
    peer.message({ ...none, cut } as LinkRequest);
    clock.advance(200);
    expect(told.flatMap(({ cutDone }) => (cutDone ? [cutDone.outcome] : []))).toEqual([7]);
    expect(told.flatMap(({ ended }) => (ended ? [ended.endOffset] : []))).toEqual([50]);
  });

  test('a message of an unknown kind is counted, and the link lives', () => {
    const { counts, say, told } = linked();
    say({});
    say({ ping: { nonce: 5 } });
    expect(counts).toEqual(['unknown_message']);
    expect(told.at(-1)).toMatchObject({ pong: { nonce: 5 } });
  });
});
