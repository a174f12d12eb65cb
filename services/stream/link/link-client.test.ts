import { describe, expect, test } from '@jest/globals';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { messageCodec } from '@reticle/proto/load';
import { StepFrameWriter } from '@reticle/proto/wire';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Welcome__Input } from '@reticle/proto/gen/engine/v1/Welcome';
import { CAPABILITIES, codeOf, ENGINE } from '../scripted-engine.ts';
import type { LaneReceiver, LinkLoss, SidReceiver } from './engine-link.ts';
import { LinkClient } from './link-client.ts';
import type { LinkHandlers, LinkTransport } from './link-transport.ts';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };
const codec = messageCodec<LinkResponse__Input, LinkResponse__Input>('reticle.engine.v1.LinkResponse');

class FakeTransport implements LinkTransport {
  readonly streams: { handlers: LinkHandlers; sent: LinkRequest__Input[]; closed: boolean }[] = [];

  open(_address: string, handlers: LinkHandlers) {
    const stream = { handlers, sent: [] as LinkRequest__Input[], closed: false };
    this.streams.push(stream);
    return {
      send: (request: LinkRequest__Input) => void stream.sent.push(request),
      close: () => void (stream.closed = true),
    };
  }

  get last() {
    return this.streams[this.streams.length - 1] as (typeof this.streams)[number];
  }

  say(response: LinkResponse__Input): void {
    this.last.handlers.data(codec.encode(response));
  }

  welcome(over: Welcome__Input = {}): void {
    const { engineId, replicaEpoch, modelDigest, region } = ENGINE;
    this.say({
      welcome: { protocol: 1, engineId, replicaEpoch, modelDigest, region, capabilities: CAPABILITIES, ...over },
    });
  }
}

function rig() {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const loads: string[] = [];
  const alive: number[] = [];
  const client = new LinkClient(ENGINE, {
    transport,
    clock,
    random: seededRandom(3),
    logger: silent,
    gatewayId: 'gw',
    incarnation: '1',
    region: 'eu-test',
    onLoad: (engineId) => loads.push(engineId),
    onAlive: () => alive.push(clock.nowMs()),
    onLost: () => {},
  });
  return { clock, transport, client, loads, alive };
}

class Losses implements SidReceiver {
  readonly causes: LinkLoss[] = [];
  opened(): void {}
  prefilled(): void {}
  fault(): void {}
  transcript(): void {}
  hostStarted(): void {}
  draining(): void {}
  lost(cause: LinkLoss): void {
    this.causes.push(cause);
  }
  get lostTimes(): number {
    return this.causes.length;
  }
}

class Rows implements LaneReceiver {
  readonly said: string[] = [];
  takes = true;
  owed = false;
  started(): void {
    this.said.push('started');
  }
  row(row: Parameters<LaneReceiver['row']>[0], micros: number): boolean {
    const text = Buffer.from(row.text.subarray(row.textStart, row.textEnd)).toString();
    this.said.push(`${row.firstOffset}+${row.count} ${text} @${micros}`);
    return this.takes;
  }
  mark(mark: { atOffset: number }): void {
    this.said.push(`mark ${mark.atOffset}`);
  }
  cutDone(): void {
    this.said.push('cut-done');
  }
  ended(): void {
    this.said.push('ended');
  }
  fault(): void {
    this.said.push('fault');
  }
}

describe('LinkClient', () => {
  test('tells that its engine is alive as long as that answers', async () => {
    const { clock, transport, client, alive } = rig();
    const ready = client.ready(ENGINE);
    clock.advance(250);
    expect(alive).toEqual([]);
    transport.welcome();
    await ready;
    for (let at = 500; at <= 2_000; at += 250) {
      clock.advance(250);
      transport.say({ pong: { nonce: 1 } });
    }
    const before = alive.length;
    expect(before).toBeGreaterThan(4);
    clock.advance(5_000);
    // The last answer counts for two intervals.
    expect(alive.length - before).toBeLessThanOrEqual(2);
  });

  test('says Hello with what was routed to, and is ready at a Welcome that agrees', async () => {
    const { transport, client } = rig();
    const ready = client.ready(ENGINE);
    expect(transport.last.sent).toEqual([
      {
        hello: {
          protocol: 1,
          gatewayId: 'gw',
          incarnation: '1',
          region: 'eu-test',
          linkIndex: 0,
          linkCount: 1,
          minReplicaEpoch: 1,
          wantModelDigest: ENGINE.modelDigest,
        },
      },
    ]);
    transport.welcome();
    expect((await ready).facts).toMatchObject({ engineId: ENGINE.engineId, replicaEpoch: 1 });
    expect(await client.ready(ENGINE)).toBe(await ready);
    expect(transport.streams).toHaveLength(1);
  });

  test.each([
    { name: 'another engine', over: { engineId: 'x'.repeat(26) } },
    { name: 'another digest', over: { modelDigest: 'sha256:other' } },
    { name: 'another region', over: { region: 'us-test' } },
    { name: 'an older replica', over: { replicaEpoch: 0 } },
    { name: 'no protocol', over: { protocol: 0 } },
  ])('a Welcome of $name closes the link, and the wait ends in engine_lost', async ({ over }) => {
    const { clock, transport, client } = rig();
    const ready = codeOf(client.ready(ENGINE));
    transport.welcome(over);
    expect(transport.streams[0]?.closed).toBe(true);
    clock.advance(1_000);
    expect(await ready).toBe('engine_lost');
  });

  test('pings after 250 ms of silence, lives on an answer, and dies after a second without one', async () => {
    const { clock, transport, client } = rig();
    const ready = client.ready(ENGINE);
    transport.welcome();
    const link = await ready;
    const losses = new Losses();
    link.openSid(losses);
    clock.advance(249);
    expect(transport.last.sent).toHaveLength(1);
    clock.advance(1);
    expect(transport.last.sent.at(-1)).toEqual({ ping: { nonce: 1 } });
    transport.say({ pong: { nonce: 1, step: 4 } });
    clock.advance(999);
    expect([link.alive, losses.lostTimes]).toEqual([true, 0]);
    clock.advance(1);
    expect([link.alive, losses.lostTimes]).toEqual([false, 1]);
    expect(transport.streams[0]?.closed).toBe(true);
  });

  test('dials again after a death, with fresh handles, and the dead stream speaks to nobody', async () => {
    const { clock, transport, client, loads } = rig();
    const ready = client.ready(ENGINE);
    transport.welcome();
    const first = await ready;
    first.openSid(new Losses());
    const old = transport.last;
    old.handlers.closed('reset');
    clock.advance(100);
    expect(transport.streams).toHaveLength(2);
    old.handlers.data(codec.encode({ load: { slotsFree: 1 } }));
    old.handlers.closed('again');
    expect(loads).toEqual([]);
    transport.welcome();
    const second = await client.ready(ENGINE);
    expect([second === first, second.openSid(new Losses()), second.alive, first.alive]).toEqual([
      false,
      1,
      true,
      false,
    ]);
    client.close();
    expect(second.alive).toBe(false);
  });

  test.each([
    { name: 'garbage', bytes: Uint8Array.of(0xff, 0xff, 0xff) },
    { name: 'a step whose columns do not agree', bytes: Uint8Array.of(0x2a, 3, 0x1a, 1, 5) },
  ])('$name from the engine closes the link', async ({ bytes }) => {
    const { transport, client } = rig();
    const ready = client.ready(ENGINE);
    transport.welcome();
    const link = await ready;
    transport.last.handlers.data(bytes);
    expect(link.alive).toBe(false);
  });

  test('rows reach their lanes in order; closed and unknown lanes reach nobody; a refused row closes the link', async () => {
    const { transport, client } = rig();
    const ready = client.ready(ENGINE);
    transport.welcome();
    const link = await ready;
    const [kept, gone] = [new Rows(), new Rows()];
    const lane = link.openLane(kept);
    const closed = link.openLane(gone);
    link.closeLane(closed);
    const writer = new StepFrameWriter();
    const frame = (): void => {
      writer.begin(1, 9);
      const row = {
        ids: Uint32Array.of(1, 2),
        lengths: Uint32Array.of(2, 1),
        at: 0,
        text: Buffer.from('abc'),
        textStart: 0,
        textEnd: 3,
      };
      writer.row({ ...row, lane: closed, firstOffset: 7, count: 2 });
      writer.row({ ...row, lane, firstOffset: 4, count: 2 });
      writer.row({ ...row, lane: 99, firstOffset: 0, count: 2 });
      writer.item(lane, {
        turnId: 't',
        itemIndex: 0,
        kind: 1,
        atOffset: 4,
        closed: false,
        itemId: '',
        callId: '',
        toolName: '',
      });
      transport.last.handlers.data(writer.finish());
    };
    frame();
    expect([kept.said, gone.said]).toEqual([['mark 4', '4+2 abc @9'], []]);
    kept.takes = false;
    frame();
    expect(link.alive).toBe(false);
  });

  test('credit of one loop turn is one message with the last statement of each lane', async () => {
    const { clock, transport, client } = rig();
    const ready = client.ready(ENGINE);
    transport.welcome();
    const link = await ready;
    const [one, two] = [link.openLane(new Rows()), link.openLane(new Rows())];
    link.credit(one, 0, 512);
    link.credit(two, 5, 100);
    link.credit(one, 8, 512);
    clock.advance(0);
    expect(transport.last.sent.slice(1)).toEqual([
      { credit: { lane: [1, 2], receivedThrough: [8, 5], creditTokens: [512, 100] } },
    ]);
  });

  test('a draining engine is known as one', async () => {
    const { transport, client } = rig();
    const ready = client.ready(ENGINE);
    transport.welcome();
    const link = await ready;
    transport.say({ drain: { reason: 'rollout' } });
    expect([link.draining, link.alive]).toEqual([true, true]);
  });
});

describe('an engine that hangs', () => {
  /** Answers pings and reports its load, as a host whose driver hangs does. */
  async function hung(steps: () => number) {
    const built = rig();
    const { clock, transport, client } = built;
    const ready = client.ready(ENGINE);
    transport.welcome();
    const link = await ready;
    const losses = new Losses();
    const rows = new Rows();
    rows.owed = true;
    link.openSid(losses);
    link.openLane(rows);
    const pass = (ms: number): void => {
      for (let at = 0; at < ms && losses.lostTimes === 0; at += 50) {
        clock.advance(50);
        transport.say({ load: { state: 2 } });
        const pings = transport.last.sent.filter(({ ping }) => ping);
        const { nonce = 0 } = pings.at(-1)?.ping ?? {};
        if (pings.length > 0) transport.say({ pong: { nonce, step: steps() } });
      }
    };
    return { ...built, losses, rows, pass };
  }

  test('is dead after a second in which a turn was owed tokens and no step was made', async () => {
    const { losses, pass } = await hung(() => 7);
    pass(900);
    expect(losses.causes).toEqual([]);
    pass(800);
    expect(losses.causes).toEqual(['hung']);
  });

  test('lives while it makes progress, for whomever', async () => {
    let step = 0;
    const { losses, pass } = await hung(() => ++step);
    pass(5_000);
    expect(losses.causes).toEqual([]);
  });

  test('lives while nobody is owed anything', async () => {
    const { losses, rows, pass } = await hung(() => 7);
    rows.owed = false;
    pass(5_000);
    expect(losses.causes).toEqual([]);
  });
});

test('whoever has another engine to turn to waits for one dial alone', async () => {
  const { clock, transport, client } = rig();
  const patient = client.ready(ENGINE);
  transport.last.handlers.closed('refused');
  const hasty = client.ready(ENGINE, 250);
  expect(transport.streams).toHaveLength(2);
  transport.last.handlers.closed('refused');
  expect(await codeOf(hasty)).toBe('engine_lost');
  clock.advance(200);
  transport.welcome();
  expect((await patient).alive).toBe(true);
});
