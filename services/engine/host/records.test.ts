/** Records of a session: their shape, their order on the link, and a session that is made again from them alone. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { FakeLink, startOf } from './fake-link.ts';
import { rig, SESSION, type Rig } from './host-rig.ts';

const OUTCOME_APPLIED = 1;
const OUTCOME_PENDING = 6;
const AT_ITEM_BOUNDARY = 4;
const HOST_LANE = 2 ** 31;

type Recorded = { head: Transcript__Input; ids: number[] };

/** The records that a link was told, by name, in order. */
function recordsOf(link: FakeLink): Map<string, Recorded> {
  const records = new Map<string, Recorded>();
  for (const message of link.all('transcript')) {
    const { turnId = '', firstPosition = 0, tokenIds = [] } = message;
    const record = firstPosition === 0 ? { head: message, ids: [] } : records.get(turnId);
    if (record === undefined) throw new Error('a record begins at 0');
    expect(firstPosition).toBe(record.ids.length);
    record.ids.push(...tokenIds);
    records.set(turnId, record);
  }
  return records;
}

function missing(name: string): never {
  throw new Error(`no record of ${name}`);
}

function takeover({ host }: Rig, more: Parameters<FakeLink['open']>[0] | object = {}): FakeLink {
  const link = new FakeLink(host);
  link.open({ sid: 1, sessionId: SESSION, defaultCreditTokens: 8_192, wantTranscript: true, ...more });
  return link;
}

describe('a transcript', () => {
  test('is one record per context, parents first, with all that made it, before Opened', () => {
    const built = rig({ tokens: 'prompt' });
    const { link, clock } = built;
    link.prefill({ sid: 1, op: 9, append: [{ itemJson: 'root' }] });
    clock.advance(5);
    link.start({
      sid: 1,
      lane: 1,
      clientSeq: 4,
      turnId: 't1',
      maxOutputTokens: 20,
      creditTokens: 100,
      bodyDigest: 'd',
    });
    clock.advance(11);
    link.cut({
      lane: 1,
      clientSeq: 5,
      signalId: 's1',
      keepThroughOffset: 6,
      successor: startOf({ lane: 2, turnId: 't2' }),
    });
    clock.advance(8);
    link.prefill({ sid: 1, op: 3, parentTurnId: 't1', draftId: 'w1', append: [{ itemJson: 'warm' }] });
    link.start({ sid: 1, lane: 3, turnId: 't3', parentTurnId: 'w1' });
    const next = takeover(built);
    const lead = next.kinds(true).filter((kind) => kind !== 'welcome');
    expect(lead.slice(0, 6)).toEqual(['transcript', 'transcript', 'transcript', 'transcript', 'transcript', 'opened']);
    const records = recordsOf(next);
    expect([...records.keys()]).toEqual(['', 't1', 't2', 'w1', 't3']);
    const of = (name: string): Recorded => records.get(name) ?? missing(name);
    expect(of('').head).toEqual({
      sid: 1,
      turnId: '',
      last: true,
      prefill: expect.objectContaining({ op: 9, parentTurnId: '', append: [{ itemJson: 'root' }] }),
      prefilled: { sid: 1, op: 9, contextTokens: 1, cachedTokens: 0, prefilledTokens: 1 },
    });
    expect(of('t1').head).toMatchObject({
      start: { lane: 0, clientSeq: 4, parentTurnId: '', maxOutputTokens: 20, forcedTokenIds: [], bodyDigest: 'd' },
      started: { lane: 0, promptTokens: 2, cachedTokens: 1, startOffset: 0 },
      ended: { lane: 0, status: 3, endOffset: 6 },
      generatedOffset: 11,
      items: [{ turnId: 't1', kind: 1, atOffset: 0, closed: false }],
      cuts: [{ lane: 0, signalId: 's1', outcome: OUTCOME_APPLIED, effectiveOffset: 6, generatedOffset: 11 }],
    });
    expect(of('t1').ids).toEqual(link.lane(1).ids.slice(0, 6));
    expect(of('t2').head).toMatchObject({ start: { parentTurnId: 't1' }, started: { startOffset: 0 } });
    expect([of('t2').head.ended, of('t2').ids]).toEqual([undefined, link.lane(2).ids]);
    expect(of('w1').head.prefilled).toBeUndefined();
    expect(of('t3').head).toMatchObject({ start: { parentTurnId: 'w1' }, generatedOffset: 0, items: [] });
    expect(of('t3').head.started).toBeUndefined();
    expect(next.all('opened')[0]).toMatchObject({ lastClientSeq: 5 });
    clock.advance(5);
    expect(recordsOf(next).get('w1')?.head.prefilled).toMatchObject({ op: 3, contextTokens: 9 });
  });

  test('comes in pieces of 8,192 ids, whatever the ring still holds; all but the ids stand in the first', () => {
    const built = rig({ ringTokens: 1_024, width: () => 500, maxStepTokens: 500 });
    const { link, clock } = built;
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 20_000, creditTokens: 1_024 });
    for (let step = 0; step < 60; step++) {
      clock.advance(1);
      link.credit(1, link.received(1), 1_024);
    }
    clock.advance(62_000);
    const next = takeover(built);
    const pieces = next.all('transcript').filter(({ turnId }) => turnId !== '');
    expect(pieces.map(({ firstPosition, tokenIds, last }) => [firstPosition, tokenIds?.length, last])).toEqual([
      [0, 8_192, false],
      [8_192, 8_192, false],
      [16_384, 3_616, true],
    ]);
    expect(pieces.map(({ start }) => start === undefined)).toEqual([false, true, true]);
    expect(recordsOf(next).get('t1')?.ids).toEqual(link.lane(1).ids);
    expect(next.all('opened')[0]?.turns).toEqual([]);
  });

  test('names no control that still waits for its item', () => {
    const built = rig();
    const { link, clock } = built;
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    link.cut({ lane: 1, signalId: 's1', mode: AT_ITEM_BOUNDARY });
    expect(link.all('cutDone').map(({ outcome }) => outcome)).toEqual([OUTCOME_PENDING]);
    expect(recordsOf(takeover(built)).get('t1')?.head.cuts).toEqual([]);
  });

  test('of an empty session is its root; of an unknown session there is nothing, and none is made', () => {
    expect(takeover(rig()).kinds()).toEqual(['welcome', 'transcript', 'opened']);
    const fresh = new FakeLink(rig().host);
    fresh.open({ sid: 9, sessionId: 'z'.repeat(26), wantTranscript: true });
    expect(fresh.kinds()).toEqual(['welcome', 'fault']);
  });
});

describe('a takeover with transcript', () => {
  test('replays live and ended turns from the oldest offset of their rings, on lanes of the host', () => {
    const built = rig({ ringTokens: 64 });
    const { link, clock } = built;
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 10 });
    link.start({ sid: 1, lane: 2, turnId: 't2', maxOutputTokens: 150, creditTokens: 64 });
    for (let step = 0; step < 100; step++) {
      clock.advance(1);
      link.credit(2, link.received(2), 64);
    }
    const base = 99 - 64;
    const next = takeover(built);
    expect(next.all('opened')[0]?.turns).toEqual([
      { lane: HOST_LANE, turnId: 't1', replayFrom: 0, generatedOffset: 10, ended: true },
      { lane: HOST_LANE + 1, turnId: 't2', replayFrom: base, generatedOffset: 99, ended: false },
    ]);
    expect(next.all('started').map(({ lane, turnId }) => [lane, turnId])).toEqual([
      [HOST_LANE, 't1'],
      [HOST_LANE + 1, 't2'],
    ]);
    expect(next.lane(HOST_LANE)).toMatchObject({ from: 0, ids: link.lane(1).ids, marks: [{ atOffset: 0 }] });
    expect(next.lane(HOST_LANE).ended).toMatchObject({ endOffset: 10 });
    const known = link.lane(2).ids.length;
    for (let step = 0; step < 100; step++) {
      clock.advance(1);
      next.credit(HOST_LANE + 1, next.received(HOST_LANE + 1), 64);
    }
    const lane = next.lane(HOST_LANE + 1);
    expect([lane.from, lane.marks.length, next.received(HOST_LANE + 1)]).toEqual([base, 1, 150]);
    expect(lane.ids.slice(0, known - base)).toEqual(link.lane(2).ids.slice(base));
    expect(lane.ended).toMatchObject({ endOffset: 150 });
  });

  test('leaves turns that it names on the lanes it chose, and ended ones without a ring to their records', () => {
    const built = rig();
    const { link, clock } = built;
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 10 });
    clock.advance(70_000);
    link.start({ sid: 1, lane: 2, turnId: 't2', maxOutputTokens: 100 });
    clock.advance(20);
    const next = takeover(built, { adopt: [{ lane: 5, turnId: 't2', nextOffset: 7, creditTokens: 512 }] });
    expect(next.all('opened')[0]?.turns).toMatchObject([{ lane: 5, turnId: 't2', replayFrom: 7 }]);
    // Started is told again: the link that broke may have lost it.
    expect([next.all('started').map(({ lane }) => lane), next.lane(5).from]).toEqual([[5], 7]);
    expect(recordsOf(next).get('t1')).toMatchObject({ head: { ended: { endOffset: 10 } }, ids: link.lane(1).ids });
  });

  test('a live turn whose ring is full pauses until the client says what it has', () => {
    const built = rig({ ringTokens: 64 });
    const { link, clock, driver } = built;
    link.start({ sid: 1, lane: 1, turnId: 't1', creditTokens: 64 });
    for (let step = 0; step < 80; step++) {
      clock.advance(1);
      link.credit(1, link.received(1), 64);
    }
    const next = takeover(built, { defaultCreditTokens: 64 });
    expect(driver.calls.at(-1)).toBe('pause 0');
    next.credit(HOST_LANE, 60, 64);
    expect(driver.calls.at(-1)).toBe('resume 0');
    clock.advance(20);
    expect(next.received(HOST_LANE)).toBeGreaterThan(80);
  });
});

describe('a record that nobody asked for', () => {
  test('precedes Opened for a live turn that the gateway does not name, with parents that came the same way', () => {
    const built = rig();
    const { link, clock, host } = built;
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 100 });
    clock.advance(5);
    link.cut({ lane: 1, keepThroughOffset: 3, successor: startOf({ lane: 2, turnId: 't2', maxOutputTokens: 100 }) });
    link.peer.closed();
    clock.advance(10);
    const second = new FakeLink(host);
    second.open({ sid: 1, sessionId: SESSION });
    expect(second.kinds().slice(1, 3)).toEqual(['transcript', 'opened']);
    expect([...recordsOf(second).keys()]).toEqual(['t2']);
    second.cut({ lane: HOST_LANE, keepThroughOffset: 2, successor: startOf({ lane: 7, turnId: 't3' }) });
    const third = new FakeLink(host);
    third.open({ sid: 1, sessionId: SESSION });
    expect(third.kinds().slice(1)).toEqual(['transcript', 'opened', 'started']);
    clock.advance(10);
    expect(third.all('transcript').map(({ turnId }) => turnId)).toEqual(['t2', 't3']);
    expect(third.kinds().slice(4)).toEqual(['cutDone', 'ended', 'transcript', 'started']);
    const fourth = new FakeLink(host);
    fourth.open({ sid: 1, sessionId: SESSION });
    expect(fourth.all('transcript').map(({ turnId }) => turnId)).toEqual(['t2', 't3']);
  });
});

const plan = fc.record({
  root: fc.boolean(),
  turns: fc.array(
    fc.record({
      parent: fc.nat(20),
      length: fc.integer({ min: 1, max: 30 }),
      runMs: fc.nat(40),
      cut: fc.option(fc.nat(30), { nil: undefined }),
      redirect: fc.boolean(),
      warm: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

/** Runs the plan on a host: a tree of prefixes, turns, cuts and successors, some of them still running. */
function grow(built: Rig, { root, turns }: Plan): void {
  const { link, clock } = built;
  let lane = 0;
  const parents = [''];
  if (root) link.prefill({ sid: 1, op: 1, append: [{ itemJson: 'root' }] });
  clock.advance(3);
  for (const [index, { parent, length, runMs, cut, redirect, warm }] of turns.entries()) {
    let parentTurnId = parents[parent % parents.length] as string;
    if (warm) {
      link.prefill({ sid: 1, op: 10 + index, parentTurnId, draftId: `w${index}`, append: [{ itemJson: `w${index}` }] });
      parentTurnId = `w${index}`;
    }
    const turnId = `t${index}`;
    lane += 2;
    link.start({ sid: 1, lane, turnId, parentTurnId, maxOutputTokens: length });
    clock.advance(runMs);
    if (cut === undefined) {
      if (link.lane(lane).ended !== undefined) parents.push(turnId);
      continue;
    }
    const successor = redirect ? startOf({ lane: lane + 1, turnId: `r${index}`, maxOutputTokens: 40 }) : null;
    link.cut({ lane, signalId: `s${index}`, mode: 2, keepThroughOffset: cut, successor });
    clock.advance(4);
    parents.push(turnId);
  }
}

/** Makes the session again on a fresh host from the records alone; returns lanes by turn. */
function rebuild(link: FakeLink, records: Map<string, Recorded>, wait: () => void): Map<string, number> {
  const lanes = new Map<string, number>();
  let lane = 1_000;
  for (const [name, { head, ids }] of records) {
    const { start, prefill, ended } = head;
    if (!prefill && !start) continue;
    if (prefill) link.prefill({ ...(prefill as Parameters<FakeLink['prefill']>[0]), sid: 1 });
    else {
      const request = { ...(start as ReturnType<typeof startOf>), sid: 1, lane: ++lane, forcedTokenIds: ids };
      link.start(request);
      lanes.set(name, lane);
      if (ended) link.cut({ lane, mode: 2, keepThroughOffset: ids.length });
    }
    wait();
  }
  return lanes;
}

describe('property: a session made again from its records', () => {
  test('has the same contexts, and its live turns say what they would have said', () => {
    fc.assert(
      fc.property(plan, (planned) => {
        const first = rig({ tokens: 'prompt', prefillMs: 2, slots: 32 });
        grow(first, planned);
        const records = recordsOf(takeover(first));
        const second = rig({ tokens: 'prompt', prefillMs: 2, slots: 32 });
        const lanes = rebuild(second.link, records, () => second.clock.advance(3));
        first.clock.advance(200);
        second.clock.advance(200);
        expect(second.link.faults()).toEqual([]);
        // Both hosts now say the same of every turn.
        const [left, right] = [recordsOf(takeover(first)), recordsOf(takeover(second))];
        expect([...right.keys()]).toEqual([...left.keys()]);
        for (const [name, { head, ids }] of left) {
          const twin = right.get(name);
          expect([name, twin?.ids]).toEqual([name, ids]);
          expect(twin?.head.ended?.endOffset).toBe(head.ended?.endOffset);
          expect(twin?.head.start?.parentTurnId).toBe(head.start?.parentTurnId);
        }
        const contents = ({ driver }: Rig): string[] =>
          [...driver.contexts.values()].map((each) => each.join(' ')).sort();
        expect(contents(second)).toEqual(contents(first));
        expect(lanes.size).toBe([...records.values()].filter(({ head }) => head.start).length);
      }),
      { numRuns: 60 },
    );
  });
});
