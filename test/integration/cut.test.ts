/** Cuts of live streams: where they fall, what their receipts say, what arrives after them (PROTOCOL R2, R4). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { modelById } from '@reticle/core/domain/wafer';
import { seededRandom } from '@reticle/core/flow';
import {
  flatChain,
  interrupt,
  kvActions,
  modes,
  outcomes,
  OracleContext,
  randomId,
  sparkChain,
  start,
  startTestPlatform,
  statuses,
  turnOf,
  userItem,
  type ApiClient,
  type ControlAck,
  type ConverseClient,
  type SignalTurnResponse,
  type TestPlatform,
  type TokenChecker,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const ITEM_EVERY = 37;
/** More than any cut here lets happen. */
const LONG = 6_000;
const engine = { itemEvery: ITEM_EVERY };
const chains = {
  'one token a step': flatChain(2_000, { servedName: 'single', engine }),
  'several tokens a step': {
    ...flatChain(600, { servedName: 'wide', engine }),
    geometry: modelById('llama-3.1-70b'),
  },
  calibrated: sparkChain({ engine }),
};
type ChainName = keyof typeof chains;

let platform: TestPlatform;
const clients = new Map<ChainName, ApiClient>();

beforeAll(async () => {
  platform = await startTestPlatform({ chains: Object.values(chains) });
  for (const [name, { servedName }] of Object.entries(chains)) {
    clients.set(name as ChainName, platform.client({ model: servedName }));
  }
});
afterAll(() => platform[Symbol.asyncDispose]());

type Live = {
  readonly stream: ConverseClient;
  readonly sessionId: string;
  readonly checker: TokenChecker;
  readonly promptTokens: number;
};

/** A turn that has sent tokens up to `offset`. */
async function live(name: ChainName, offset: number, input = 'cut me'): Promise<Live> {
  const { stream, sessionId } = await (clients.get(name) as ApiClient).open();
  const turn = turnOf('t1', LONG, { input: [userItem(input)] });
  const oracle = OracleContext.root(chains[name]).turn(turn);
  const checker = stream.check('t1', oracle);
  stream.send(start(turn));
  await stream.received('t1', offset);
  return { stream, sessionId, checker, promptTokens: oracle.promptTokens };
}

/** What the stream had carried when it told this ack: the ack comes behind everything that was sent. */
function deliveredBefore(stream: ConverseClient, ack: ControlAck): number {
  let delivered = 0;
  for (const { tokenFrame, controlAck } of stream.log.entries) {
    if (controlAck === ack) return delivered;
    if (tokenFrame?.turnId === ack.turnId) delivered = tokenFrame.firstOffset + tokenFrame.tokenCount;
  }
  return delivered;
}

/** The receipt against its own arithmetic, the stream, and the terminal. */
async function expectReceipt({ stream, checker, promptTokens }: Live, ack: ControlAck): Promise<void> {
  const { effectiveOffset, generatedOffset, deliveredOffset } = ack;
  expect(ack).toMatchObject({
    outcome: outcomes.applied,
    turnId: 't1',
    wastedTokens: generatedOffset - effectiveOffset,
    kvAction: kvActions.cutInPlace,
    kvKeptTokens: promptTokens + effectiveOffset,
    code: '',
  });
  expect(effectiveOffset).toBeLessThanOrEqual(generatedOffset);
  expect(deliveredOffset).toBeLessThanOrEqual(generatedOffset);
  expect(deliveredOffset).toBe(deliveredBefore(stream, ack));
  const ended = await stream.untilEnded('t1');
  expect(ended).toMatchObject({ status: statuses.interrupted, endOffset: effectiveOffset, successorTurnId: '' });
  expect(ended.usage).toMatchObject({ outputTokens: checker.position, discardedTokens: ack.wastedTokens });
  expect(checker.position).toBe(Math.max(effectiveOffset, deliveredOffset));
  expect(checker.faults()).toEqual([]);
}

const rounds = 8;
const random = seededRandom(20_261_121);
const offsets = (): number[] => Array.from({ length: rounds }, () => 1 + Math.floor(random.unit() * 400));
const names = Object.keys(chains) as ChainName[];

describe.each(names)('a live stream, %s', (name) => {
  test('KEEP_THROUGH_OFFSET keeps what was asked for, also tokens still to come', async () => {
    await Promise.all(
      offsets().map(async (offset, index) => {
        const turn = await live(name, offset);
        // Behind, at, and past what has arrived.
        const keep = Math.max(0, offset + ([-60, 0, 3, 2 * LONG][index % 4] ?? 0));
        const seq = turn.stream.send(
          interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: keep, signalId: randomId() }),
        );
        const ack = await turn.stream.until('controlAck');
        expect(ack).toMatchObject({ seq, effectiveOffset: Math.min(keep, ack.generatedOffset) });
        expect(ack.generatedOffset).toBeGreaterThanOrEqual(offset);
        await expectReceipt(turn, ack);
      }),
    );
  });

  test('KEEP_GENERATED wastes nothing', async () => {
    await Promise.all(
      offsets().map(async (offset) => {
        const turn = await live(name, offset);
        turn.stream.send(interrupt('t1', { mode: modes.keepGenerated }));
        const ack = await turn.stream.until('controlAck');
        expect(ack).toMatchObject({ effectiveOffset: ack.generatedOffset, wastedTokens: 0 });
        await expectReceipt(turn, ack);
      }),
    );
  });

  test('DISCARD_PARTIAL_ITEMS falls where the open item began', async () => {
    await Promise.all(
      offsets().map(async (offset) => {
        const turn = await live(name, offset);
        turn.stream.send(interrupt('t1', { mode: modes.discardPartialItems }));
        const ack = await turn.stream.until('controlAck');
        expect(ack.effectiveOffset).toBe(ack.generatedOffset - (ack.generatedOffset % ITEM_EVERY));
        await expectReceipt(turn, ack);
      }),
    );
  });

  test('AT_ITEM_BOUNDARY waits for the open item, then answers the same seq again', async () => {
    await Promise.all(
      offsets().map(async (offset) => {
        const turn = await live(name, offset);
        const seq = turn.stream.send(interrupt('t1', { mode: modes.atItemBoundary }));
        const first = await turn.stream.until('controlAck');
        expect(first.seq).toBe(seq);
        if (first.outcome !== outcomes.pending) {
          // No item was open: the cut is KEEP_GENERATED.
          expect(first.wastedTokens).toBe(0);
          await expectReceipt(turn, first);
          return;
        }
        const ack = await turn.stream.until('controlAck');
        expect(ack.seq).toBe(seq);
        expect(ack.effectiveOffset % ITEM_EVERY).toBe(0);
        expect(ack.effectiveOffset).toBeGreaterThanOrEqual(first.generatedOffset);
        expect(ack.effectiveOffset - first.generatedOffset).toBeLessThanOrEqual(ITEM_EVERY + 16);
        await expectReceipt(turn, ack);
      }),
    );
  });

  test('without an offset the cut falls on the last acknowledged token', async () => {
    const turn = await live(name, 50);
    const acknowledged = 41;
    turn.stream.send({ flow: { turnId: 't1', receivedThroughOffset: acknowledged, creditTokens: 512 } });
    turn.stream.send(interrupt('t1'));
    const ack = await turn.stream.until('controlAck');
    expect(ack.effectiveOffset).toBe(acknowledged);
    await expectReceipt(turn, ack);
  });
});

describe('a second control', () => {
  test('repeats the first E, whatever it asks for, while the turn ends and long after', async () => {
    const turn = await live('one token a step', 100);
    const { stream } = turn;
    stream.send(interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 77 }));
    stream.send(interrupt('t1', { mode: modes.keepGenerated }));
    stream.send(interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 5 }));
    const ack = await stream.until('controlAck');
    const others = [await stream.until('controlAck'), await stream.until('controlAck')];
    await expectReceipt(turn, ack);
    stream.send(interrupt('t1', { mode: modes.discardPartialItems }));
    const late = await stream.until('controlAck');
    const { effectiveOffset, generatedOffset, wastedTokens } = ack;
    expect(effectiveOffset).toBe(77);
    for (const other of [...others, late]) {
      expect(other).toMatchObject({
        outcome: outcomes.alreadyEnded,
        effectiveOffset,
        generatedOffset,
        wastedTokens,
      });
    }
    expect(new Set([ack, ...others, late].map(({ seq }) => seq)).size).toBe(4);
  });

  test('with the same signal_id repeats the receipt; with another body it is refused', async () => {
    const turn = await live('one token a step', 60);
    const { stream } = turn;
    const signalId = randomId();
    const control = { mode: modes.keepThroughOffset, keepThroughOffset: 33, signalId };
    stream.send(interrupt('t1', control));
    const ack = await stream.until('controlAck');
    const again = stream.send(interrupt('t1', control));
    expect(await stream.until('controlAck')).toEqual({ ...ack, seq: again });
    stream.send(interrupt('t1', { ...control, keepThroughOffset: 34 }));
    expect(await stream.until('controlAck')).toMatchObject({
      signalId,
      outcome: outcomes.refused,
      code: 'idempotency_conflict',
    });
    await expectReceipt(turn, ack);
  });

  test('forces a cut that waits for its item', async () => {
    const turn = await live('one token a step', 40);
    const { stream } = turn;
    const waits = stream.send(interrupt('t1', { mode: modes.atItemBoundary }));
    const forces = stream.send(interrupt('t1', { mode: modes.keepGenerated }));
    const finals = [];
    while (finals.length < 2) {
      const ack = await stream.until('controlAck');
      if (ack.outcome !== outcomes.pending) finals.push(ack);
    }
    const applied = finals.find(({ outcome }) => outcome === outcomes.applied) as ControlAck;
    const other = finals.find((ack) => ack !== applied) as ControlAck;
    expect(new Set(finals.map(({ seq }) => seq))).toEqual(new Set([waits, forces]));
    expect(other).toMatchObject({ outcome: outcomes.alreadyEnded, effectiveOffset: applied.effectiveOffset });
    await expectReceipt(turn, applied);
  });
});

describe('a turn that does not stream', () => {
  test('unknown: NOT_FOUND, and the stream goes on', async () => {
    const { stream, checker } = await live('one token a step', 10);
    const seq = stream.send(interrupt('nobody'));
    expect(await stream.until('controlAck')).toMatchObject({
      seq,
      turnId: 'nobody',
      outcome: outcomes.notFound,
      code: 'turn_not_found',
    });
    const { position } = checker;
    await stream.received('t1', position + 50);
    expect(checker.problems).toEqual([]);
  });

  test('finished: ALREADY_ENDED with its natural end', async () => {
    const { stream } = await (clients.get('one token a step') as ApiClient).open();
    stream.send(start(turnOf('t1', 64)));
    await stream.untilEnded('t1');
    stream.send(interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 3 }));
    expect(await stream.until('controlAck')).toMatchObject({
      outcome: outcomes.alreadyEnded,
      effectiveOffset: 64,
      generatedOffset: 64,
      wastedTokens: 0,
    });
  });

  test.each(Object.entries(modes))('prefilling, %s: E = 0, and it can be continued', async (_, mode) => {
    const { stream } = await (clients.get('calibrated') as ApiClient).open();
    const input = [userItem('a long document, '.repeat(12_000))];
    const turn = turnOf('t1', 500, { input });
    const oracle = OracleContext.root(chains.calibrated).turn(turn);
    stream.send(start(turn));
    stream.send(interrupt('t1', { mode, keepThroughOffset: 9 }));
    expect(await stream.until('controlAck')).toMatchObject({
      outcome: outcomes.applied,
      effectiveOffset: 0,
      generatedOffset: 0,
      deliveredOffset: 0,
      wastedTokens: 0,
    });
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({ status: statuses.interrupted, endOffset: 0 });
    expect(stream.log.all('tokenFrame')).toEqual([]);
    const next = turnOf('t2', 40, { parentTurnId: 't1' });
    const checker = stream.check('t2', oracle.after(0).turn(next));
    stream.send(start(next));
    await stream.untilEnded('t2');
    expect(checker.faults()).toEqual([]);
  });
});

describe('SignalTurn', () => {
  test('from another connection cuts the stream; the answer is its receipt', async () => {
    const { stream, sessionId, checker, promptTokens } = await live('one token a step', 200);
    const signalId = randomId();
    const request = {
      sessionId,
      interrupt: { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 150, signalId },
    };
    const other = platform.client({ model: 'single' });
    const { ack } = await other.ask<SignalTurnResponse>('SignalTurn', request);
    expect(ack).toMatchObject({
      seq: 0,
      signalId,
      outcome: outcomes.applied,
      effectiveOffset: 150,
      kvKeptTokens: promptTokens + 150,
    });
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({ status: statuses.interrupted, endOffset: 150 });
    expect(ended.usage).toMatchObject({ outputTokens: checker.position, discardedTokens: ack?.wastedTokens });
    expect(ack?.deliveredOffset).toBe(checker.position);
    expect(checker.problems).toEqual([]);
    // Lost answers are asked for again.
    expect((await other.ask<SignalTurnResponse>('SignalTurn', request)).ack).toEqual(ack);
  });

  test('of another tenant finds no session and changes nothing', async () => {
    const { stream, sessionId, checker } = await live('one token a step', 20);
    const foreign = platform.client({ tenant: 'globex' });
    const control = { interrupt: { turnId: 't1', mode: modes.keepGenerated } };
    const refused = await foreign.call('SignalTurn', { sessionId, ...control });
    expect(refused).toMatchObject({ grpc: 5, code: 'session_not_found' });
    expect(await foreign.call('SignalTurn', { sessionId: randomId(), ...control })).toEqual(refused);
    const { position } = checker;
    await stream.received('t1', position + 50);
    expect(checker.problems).toEqual([]);
  });
});
