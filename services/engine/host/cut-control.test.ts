import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { FakeLink, startOf } from './fake-link.ts';
import { rig, SESSION } from './host-rig.ts';

const Mode = { discard: 1, through: 2, generated: 3, boundary: 4 } as const;
const Outcome = { applied: 1, alreadyEnded: 2, notFound: 3, pending: 6, refused: 7 } as const;
const Status = { completed: 1, interrupted: 2, redirected: 3, incomplete: 4, failed: 5 } as const;

/** Two messages of a 24-token turn, [0, 9) and [12, 21). */
const ITEMS = [
  { itemIndex: 0, kind: 'message', atOffset: 0, closed: false },
  { itemIndex: 0, kind: 'message', atOffset: 9, closed: true },
  { itemIndex: 1, kind: 'message', atOffset: 12, closed: false },
  { itemIndex: 1, kind: 'message', atOffset: 21, closed: true },
] as const;
const LENGTH = 24;

const openItemAt = (end: number): number | undefined =>
  end > 0 && end < 9 ? 0 : end > 12 && end < 21 ? 12 : undefined;

/** Generated offsets after each step of a width. */
const borders = (width: number): number[] =>
  Array.from({ length: Math.ceil(LENGTH / width) }, (_, step) => Math.min(LENGTH, (step + 1) * width));

type CutCase = { readonly width: number; readonly asked: number; readonly mode: 1 | 2 | 3 | 4; readonly keep?: number };

/** E and generated as R4 says them, for a control that arrives when `asked` tokens are out. */
function expected({ width, asked, mode, keep = Math.floor(asked / 2) }: CutCase): { e: number; g: number } {
  const pends = mode === Mode.boundary && openItemAt(asked) !== undefined;
  const closesAt = asked < 9 ? 9 : 21;
  // The running step ends first, so one more step is generated, or the steps up to the item's end.
  const until = pends ? closesAt : asked + 1;
  const g = borders(width).find((border) => border >= until) ?? LENGTH;
  const e = { [Mode.discard]: openItemAt(g) ?? g, [Mode.through]: Math.min(keep, g), [Mode.generated]: g };
  return { e: mode === Mode.boundary ? (pends ? closesAt : g) : e[mode], g };
}

function checkCut(given: CutCase): void {
  const { width, asked, mode, keep } = given;
  const { clock, driver, link } = rig({ width: () => width, maxStepTokens: width, items: () => ITEMS });
  link.start({ sid: 1, lane: 1, turnId: 't', maxOutputTokens: LENGTH });
  while (link.received(1) < asked) clock.advance(1);
  link.credit(1, Math.floor(asked / 2), 8_192);
  const control = { lane: 1, signalId: 's', mode };
  link.cut(keep === undefined ? control : { ...control, keepThroughOffset: keep });
  clock.advance(40);
  const want = expected(given);
  const done = link.all('cutDone').at(-1);
  const told = { outcome: done?.outcome, e: done?.effectiveOffset, g: done?.generatedOffset };
  expect({ ...given, ...told }).toEqual({ ...given, outcome: Outcome.applied, ...want });
  const { ended, marks } = link.lane(1);
  expect(ended).toMatchObject({ status: Status.interrupted, endOffset: want.e });
  expect(ended?.usage?.discardedTokens).toBe(want.g - want.e);
  expect(link.received(1)).toBe(Math.max(asked, want.e));
  expect(driver.contexts.get(1)).toHaveLength(1 + want.e);
  expect(marks.every(({ atOffset }) => atOffset <= Math.max(want.e, asked))).toBe(true);
}

describe('cuts: every offset × mode × step width', () => {
  test.each([1, 2, 3, 4, 5])('width %d', (width) => {
    for (const asked of borders(width).filter((border) => border < LENGTH)) {
      for (const mode of Object.values(Mode)) checkCut({ width, asked, mode });
      for (let keep = 0; keep <= LENGTH + 2; keep++) checkCut({ width, asked, mode: Mode.through, keep });
    }
  });
});

describe('controls', () => {
  test('a redirect tells CutDone, Ended, Started, and its successor prefills only the new items', () => {
    const { clock, driver, link } = rig({ slots: 1 });
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(20);
    link.credit(1, 10, 512);
    link.messages = [];
    const successor = startOf({ lane: 2, turnId: 't2', parentTurnId: 't1' });
    link.cut({ lane: 1, signalId: 's1', mode: Mode.through, keepThroughOffset: 10, successor });
    clock.advance(10);
    expect(link.kinds()).toEqual(['cutDone', 'ended', 'started']);
    expect(link.lane(1).ended).toMatchObject({ status: Status.redirected, endOffset: 10 });
    expect(link.all('cutDone')[0]).toMatchObject({ effectiveOffset: 10, kvAction: 1, kvKeptTokens: 11 });
    expect(link.all('started')[0]).toMatchObject({ lane: 2, sid: 1, turnId: 't2', cachedTokens: 11, promptTokens: 12 });
    expect(driver.starts[1]).toMatchObject({ parent: 1, successor: true, afterOutput: true });
    expect(link.received(2)).toBeGreaterThan(0);
  });

  test('a redirect whose cut turn still owes rows keeps the order while the link is blocked', () => {
    const { clock, link } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(5);
    link.writable = false;
    clock.advance(5);
    link.messages = [];
    link.cut({ lane: 1, mode: Mode.generated, successor: startOf({ lane: 2, turnId: 't2' }) });
    clock.advance(10);
    expect(link.kinds(true)).toEqual(['cutDone']);
    link.writable = true;
    link.peer.writable();
    expect(link.kinds(true)).toEqual(['cutDone', 'step', 'ended', 'started', 'step']);
    expect(link.received(1)).toBe(link.lane(1).ended?.endOffset);
  });

  test('a cut turn without credit for its last rows does not hold its successor back', () => {
    const { clock, link } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', creditTokens: 4 });
    clock.advance(10);
    link.cut({ lane: 1, mode: Mode.generated, successor: startOf({ lane: 2, turnId: 't2' }) });
    clock.advance(10);
    expect(link.received(1)).toBe(4);
    expect(link.lane(1).ended).toBeUndefined();
    expect(link.received(2)).toBeGreaterThan(0);
    link.credit(1, 4, 100);
    expect(link.lane(1).ended).toMatchObject({ status: Status.redirected, endOffset: link.received(1) });
  });

  test('a repeat gets the same answer verbatim and changes nothing', () => {
    const { clock, link, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(10);
    const cut = {
      lane: 1,
      signalId: 's1',
      mode: Mode.generated,
      successor: startOf({ lane: 2, turnId: 't2' }),
    } as const;
    link.cut(cut);
    link.cut(cut);
    clock.advance(10);
    link.cut(cut);
    const [first, second, ...rest] = link.all('cutDone');
    expect(second).toEqual(first);
    expect(rest).toEqual([]);
    expect(driver.starts).toHaveLength(2);
    expect(link.all('started').map(({ turnId }) => turnId)).toEqual(['t1', 't2', 't2']);
  });

  test('a second control on a cut turn, before or after its receipt, gets ALREADY_ENDED with the same E', () => {
    const { clock, link } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(10);
    link.cut({ lane: 1, signalId: 's1', mode: Mode.through, keepThroughOffset: 5 });
    link.cut({ lane: 1, signalId: 's2', mode: Mode.through, keepThroughOffset: 2 });
    clock.advance(5);
    link.cut({ lane: 1, signalId: 's3', mode: Mode.generated });
    expect(
      link.all('cutDone').map(({ signalId, outcome, effectiveOffset }) => [signalId, outcome, effectiveOffset]),
    ).toEqual([
      ['s1', Outcome.applied, 5],
      ['s2', Outcome.alreadyEnded, 5],
      ['s3', Outcome.alreadyEnded, 5],
    ]);
    expect(link.all('ended')).toHaveLength(1);
  });

  test('a redirect of a turn that has ended is a no-op, and its successor says so', () => {
    const { clock, link, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 3 });
    clock.advance(10);
    link.cut({ lane: 1, signalId: 's1', successor: startOf({ lane: 2, turnId: 't2' }) });
    expect(link.all('cutDone')[0]).toMatchObject({ outcome: Outcome.alreadyEnded, effectiveOffset: 3 });
    expect(link.lane(2).ended).toMatchObject({ status: Status.failed, error: { code: 'turn_stale' } });
    expect(driver.starts).toHaveLength(1);
  });

  test('an unknown lane is NOT_FOUND', () => {
    const { link } = rig();
    link.cut({ lane: 9, signalId: 's1', successor: startOf({ lane: 10, turnId: 't2' }) });
    expect(link.all('cutDone')[0]).toMatchObject({ lane: 9, signalId: 's1', outcome: Outcome.notFound });
    expect(link.lane(10).ended).toMatchObject({ error: { code: 'turn_not_found' } });
  });

  test.each([
    { name: 'a prefilling turn', advanceMs: 0, prefillMs: 5 },
    { name: 'a turn that waits for its prefix', advanceMs: 0, prefillMs: 5, prefix: true },
  ])('$name is cut with E = 0, and a successor continues from its prompt', ({ advanceMs, prefillMs, prefix }) => {
    const { clock, link, driver } = rig({ prefillMs });
    if (prefix) link.prefill({ sid: 1, op: 1, append: [{ itemJson: 'root' }] });
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(advanceMs);
    const successor = startOf({ lane: 2, turnId: 't2', maxOutputTokens: 2 });
    link.cut({ lane: 1, signalId: 's1', mode: Mode.generated, successor });
    clock.advance(30);
    expect(link.all('cutDone')[0]).toMatchObject({ outcome: Outcome.applied, effectiveOffset: 0, generatedOffset: 0 });
    expect(link.lane(1).ended).toMatchObject({ status: Status.redirected, endOffset: 0 });
    expect(link.lane(2).ended).toMatchObject({ endOffset: 2 });
    const context = [...driver.contexts.values()].at(-1);
    expect(context?.slice(0, -2)).toEqual([...(prefix ? ['root'] : []), 'in-t1', 'in-t2']);
  });

  test('an item-boundary cut pends, is told again on repeat, and lands where the item closes', () => {
    const { clock, link } = rig({ items: () => ITEMS });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: LENGTH });
    clock.advance(5);
    link.cut({ lane: 1, signalId: 's1', mode: Mode.boundary });
    link.cut({ lane: 1, signalId: 's1', mode: Mode.boundary });
    clock.advance(10);
    expect(link.all('cutDone').map(({ outcome, effectiveOffset }) => [outcome, effectiveOffset])).toEqual([
      [Outcome.pending, 0],
      [Outcome.pending, 0],
      [Outcome.applied, 9],
    ]);
    expect(link.received(1)).toBe(9);
    expect(link.lane(1).marks.map(({ atOffset, closed }) => [atOffset, closed])).toEqual([
      [0, false],
      [9, true],
    ]);
  });

  test('a redirect that pends starts its successor on the lane that its last copy named', () => {
    const { clock, link } = rig({ width: () => 1, items: () => ITEMS });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: LENGTH });
    clock.advance(5);
    const redirect = { signalId: 's1', mode: Mode.boundary };
    link.cut({ ...redirect, lane: 1, successor: startOf({ lane: 2, turnId: 't2', maxOutputTokens: 3 }) });
    link.open({ sid: 2, sessionId: SESSION, adopt: [{ lane: 3, turnId: 't1', nextOffset: 0, creditTokens: 512 }] });
    link.cut({ ...redirect, lane: 3, successor: startOf({ lane: 4, turnId: 't2', maxOutputTokens: 3 }) });
    clock.advance(40);
    expect(link.all('started').filter(({ turnId }) => turnId === 't2')).toMatchObject([{ lane: 4 }]);
    expect(link.lane(4).ended).toMatchObject({ status: Status.incomplete, endOffset: 3 });
    expect(link.lane(2).ended).toBeUndefined();
  });

  test('a second control during PENDING applies at once and the pending one gets ALREADY_ENDED', () => {
    const { clock, link, driver } = rig({ items: () => ITEMS });
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: LENGTH });
    clock.advance(5);
    link.cut({ lane: 1, signalId: 's1', mode: Mode.boundary, successor: startOf({ lane: 2, turnId: 't2' }) });
    link.cut({ lane: 1, signalId: 's2', mode: Mode.through, keepThroughOffset: 2 });
    clock.advance(10);
    expect(
      link.all('cutDone').map(({ signalId, outcome, effectiveOffset }) => [signalId, outcome, effectiveOffset]),
    ).toEqual([
      ['s1', Outcome.pending, 0],
      ['s2', Outcome.applied, 2],
      ['s1', Outcome.alreadyEnded, 2],
    ]);
    expect(link.lane(1).ended).toMatchObject({ status: Status.interrupted, endOffset: 2 });
    expect(link.lane(2).ended).toMatchObject({ error: { code: 'turn_stale' } });
    expect(driver.starts).toHaveLength(1);
  });

  test('a turn that ends while a boundary cut pends keeps its own end', () => {
    const { clock, link } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 8 });
    clock.advance(4);
    link.cut({ lane: 1, signalId: 's1', mode: Mode.boundary });
    clock.advance(10);
    expect(link.all('cutDone').at(-1)).toMatchObject({ outcome: Outcome.alreadyEnded, effectiveOffset: 8 });
    expect(link.lane(1).ended).toMatchObject({ endOffset: 8, finishReason: 'length' });
  });

  test.each([
    {
      name: 'another parent',
      successor: startOf({ lane: 2, turnId: 't2', parentTurnId: 'x' }),
      want: 'invalid_request',
    },
    { name: 'a known turn id', successor: startOf({ lane: 2, turnId: 't1' }), want: 'idempotency_conflict' },
    { name: 'a lane in use', successor: startOf({ lane: 1, turnId: 't2' }), want: 'invalid_request' },
  ])('a successor with $name refuses the whole message and the turn runs on', ({ successor, want }) => {
    const { clock, link } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', maxOutputTokens: 50 });
    clock.advance(10);
    link.cut({ lane: 1, signalId: 's1', successor });
    expect(link.all('cutDone')[0]).toMatchObject({ outcome: Outcome.refused });
    expect(link.faults()).toEqual([want]);
    clock.advance(100);
    expect(link.lane(1).ended).toMatchObject({ endOffset: 50 });
  });

  test('a successor that is refused or fails ends by itself, and the old turn keeps its cut', () => {
    const { clock, link, driver } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(10);
    link.cut({ lane: 1, mode: Mode.through, keepThroughOffset: 4, successor: startOf({ lane: 2, turnId: 'bad id' }) });
    clock.advance(10);
    expect(link.lane(1).ended).toMatchObject({ status: Status.redirected, endOffset: 4 });
    expect(link.lane(2).ended).toMatchObject({ status: Status.failed, error: { code: 'invalid_request' } });
    link.start({ sid: 1, lane: 3, turnId: 't3', parentTurnId: 't1' });
    clock.advance(10);
    driver.failNext = new ReticleError('no_capacity', 'no KV');
    link.cut({ lane: 3, mode: Mode.generated, successor: startOf({ lane: 4, turnId: 't4' }) });
    clock.advance(10);
    expect(link.lane(3).ended).toMatchObject({ status: Status.redirected });
    expect(link.lane(4).ended).toMatchObject({ status: Status.failed, error: { code: 'no_capacity' } });
  });

  test('a stopped link does not change the effective offset of a cut, and rows below it come with the adoption', () => {
    const { clock, link, host } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1' });
    clock.advance(10);
    link.cut({ lane: 1, signalId: 's1', mode: Mode.generated });
    link.peer.closed();
    clock.advance(10);
    expect(link.all('cutDone')).toEqual([]);
    const again = new FakeLink(host);
    again.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 3, creditTokens: 512 }] });
    again.cut({ lane: 1, signalId: 's1', mode: Mode.generated });
    const { ended } = again.lane(1);
    expect(again.all('cutDone')[0]).toMatchObject({ outcome: Outcome.applied, effectiveOffset: ended?.endOffset });
    expect(again.received(1)).toBe(ended?.endOffset);
  });
});
