import { describe, expect, test } from '@jest/globals';
import type { StartWork } from '../contract.ts';
import { EventLog } from './event-log.ts';
import { simBench, type SimBenchOptions } from './sim-bench.ts';

const PROMPT: Partial<StartWork> = { input: [{ kind: 'item', json: '{"role":"user","content":"sort the parcels"}' }] };
const CHILD: Partial<StartWork> = {
  input: [{ kind: 'item', json: '{"role":"user","content":"and now the letters"}' }],
  afterOutput: true,
  maxOutputTokens: 12,
  length: 'max',
};
const LONG: Partial<StartWork> = { ...PROMPT, length: 'max', maxOutputTokens: 200 };

function bench(options: SimBenchOptions = {}) {
  const log = new EventLog();
  return { ...simBench({ ...options, events: log }), log };
}

/** The tokens of an undisturbed turn. */
function original(options: SimBenchOptions, work: Partial<StartWork> = LONG) {
  const model = bench(options);
  model.start(1, work);
  model.clock.runUntilIdle(60_000);
  return { ...model, turn: model.log.stream(1) };
}

describe.each([{ tokens: 'hash' }, { tokens: 'code' }] as const)('forced tokens of a turn ($tokens)', ({ tokens }) => {
  test.each([{ first: 0 }, { first: 1 }, { first: 64 }, { first: 149 }, { first: 150 }])(
    'are told from $first on as they were first generated, also while the turn runs on',
    ({ first }) => {
      const { turn } = original({ tokens });
      const { clock, sim, log, start } = bench({ tokens });
      start(1, { ...LONG, forced: turn.ids.slice(0, 150) });
      while (log.stream(1).ids.length < 10) clock.step();
      const columns = sim.forcedTokens(1, first);
      expect([...columns.tokenId]).toEqual(turn.ids.slice(first, 150));
      expect([...columns.textLength]).toEqual(turn.texts.slice(first, 150).map((text) => text.length));
      expect(Buffer.from(columns.text)).toEqual(Buffer.concat(turn.texts.slice(first, 150)));
      clock.runUntilIdle(60_000);
      expect(log.stream(1).ids).toEqual(turn.ids.slice(150));
      expect(sim.forcedTokens(1, first)).toEqual(columns);
    },
  );

  test.each([
    { name: 'halted before it starts', runs: 'none' },
    { name: 'halted while it runs', runs: 'some' },
    { name: 'that ran to its end', runs: 'all' },
  ] as const)('a cut of the turn $name leaves the context of the original turn', ({ runs }) => {
    const { clock, sim, log, start, turn } = original({ tokens });
    const replica = bench({ tokens });
    for (const keep of [0, 1, 99, 100]) {
      start(1, LONG);
      clock.runUntilIdle(60_000);
      sim.truncate(1, keep, 1 + keep);
      start(2, { ...CHILD, parent: 1 + keep });
      clock.runUntilIdle(60_000);
      replica.start(1, { ...LONG, forced: turn.ids.slice(0, 100) });
      if (runs === 'some') while (replica.log.stream(1).ids.length < 3) replica.clock.step();
      if (runs === 'all') replica.clock.runUntilIdle(60_000);
      else replica.sim.halt(1);
      replica.clock.runUntilIdle(60_000);
      replica.sim.truncate(1, keep, 1 + keep);
      replica.start(2, { ...CHILD, parent: 1 + keep });
      replica.clock.runUntilIdle(60_000);
      expect(replica.log.stream(2).ids).toEqual(log.stream(2).ids);
      expect(replica.log.stream(2).ids).toHaveLength(12);
      expect(replica.log.stream(2).started).toMatchObject({ promptTokens: log.stream(2).started?.promptTokens });
    }
  });

  test('a context that two replicas make by forced starts and cuts in turn is the original one', () => {
    const first = bench({ tokens });
    const second = bench({ tokens });
    let parent = 0;
    for (const keep of [7, 130, 0, 40]) {
      const work = { ...LONG, parent, afterOutput: parent > 0 };
      first.start(1, work);
      first.clock.runUntilIdle(60_000);
      const { ids } = first.log.stream(1);
      first.sim.truncate(1, keep, parent + 1);
      second.start(1, { ...work, forced: ids.slice(0, keep) });
      second.sim.halt(1);
      second.clock.runUntilIdle(60_000);
      expect(second.log.stream(1).closed).toEqual({ kind: 'halted', generated: keep });
      second.sim.truncate(1, keep, parent + 1);
      parent += 1;
    }
    for (const replica of [first, second]) {
      replica.start(2, { ...CHILD, parent });
      replica.clock.runUntilIdle(60_000);
    }
    expect(second.log.stream(2).ids).toEqual(first.log.stream(2).ids);
  });
});

describe('a forced start', () => {
  test('halted before it starts has generated what was forced and keeps its KV unmade', () => {
    const { turn } = original({});
    const { clock, sim, log, start } = bench({});
    start(1, { ...LONG, forced: turn.ids.slice(0, 30) });
    sim.halt(1);
    clock.runUntilIdle(1000);
    expect(log.stream(1)).toMatchObject({ started: undefined, ids: [], closed: { kind: 'halted', generated: 30 } });
    expect(sim.truncate(1, 30, 1)).toEqual({ kvAction: 'none', kvKeptTokens: 0 });
  });

  test('tells the marks of items among the forced tokens between started and the first row', () => {
    const { turn } = original({ itemEvery: 16 });
    const { clock, log, start } = bench({ itemEvery: 16 });
    start(1, { ...LONG, forced: turn.ids.slice(0, 40) });
    clock.runUntilIdle(60_000);
    const { marks, order } = log.stream(1);
    expect(marks).toEqual(turn.marks);
    expect(order.slice(0, 7)).toEqual(['started', 'mark', 'mark', 'mark', 'mark', 'mark', 'step']);
  });

  const stopText = 'stop';
  test.each([
    { name: 'its natural end', work: { maxOutputTokens: 5000, length: 'natural' }, wantReason: 'stop' },
    { name: 'its limit', work: { maxOutputTokens: 90, length: 'max' }, wantReason: 'length' },
    { name: 'a stop string', work: { maxOutputTokens: 200, length: 'max' }, stop: stopText, wantReason: 'stop' },
  ] as const)('behind $name ends at once, without a row', ({ work, wantReason, ...row }) => {
    const plain = original({ itemEvery: 16 }, { ...PROMPT, ...work }).turn;
    const stop = 'stop' in row ? [Buffer.concat(plain.texts.slice(20, 22)).toString().slice(3, -1)] : [];
    const whole = { ...PROMPT, ...work, params: { seed: 7, stop } };
    const { turn } = original({ itemEvery: 16 }, whole);
    const { clock, sim, log, start } = bench({ itemEvery: 16 });
    start(1, { ...whole, forced: turn.ids });
    sim.pause(1);
    clock.runUntilIdle(60_000);
    const { closed, ids, marks, order } = log.stream(1);
    expect({ closed, ids, marks }).toEqual({ closed: turn.closed, ids: [], marks: turn.marks });
    expect(closed).toEqual({ kind: 'ended', finishReason: wantReason, generated: turn.ids.length });
    expect([order[0], order.at(-1)]).toEqual(['started', 'ended']);
    expect(sim.load().slotsFree).toBe(sim.load().slotsTotal);
    expect(sim.truncate(1, turn.ids.length, 1).kvAction).toBe('cut-in-place');
  });

  test.each([
    { name: 'differ', forge: (ids: number[]) => ids.with(33, (ids[33] ?? 0) + 1), wantPosition: '33' },
    { name: 'go past the end', forge: (ids: number[]) => [...ids, 5], wantPosition: '200' },
    { name: 'go past a stop string', forge: (ids: number[]) => ids, stop: 20, wantPosition: '22' },
  ])('whose tokens $name fails with the place and holds nothing', ({ forge, wantPosition, ...row }) => {
    const { turn } = original({});
    const at = 'stop' in row ? row.stop : undefined;
    const stop =
      at === undefined
        ? []
        : [
            Buffer.concat(turn.texts.slice(at, at + 2))
              .toString()
              .slice(3, -1),
          ];
    const { clock, sim, log, start } = bench({});
    const free = sim.load();
    start(1, { ...LONG, params: { seed: 7, stop }, maxOutputTokens: 200, forced: forge(turn.ids) });
    clock.runUntilIdle(1000);
    expect(log.stream(1).closed).toMatchObject({ kind: 'failed', error: { code: 'internal' } });
    const details = log.failures.map(({ details: told }) => told['position']);
    expect(details).toEqual([wantPosition]);
    expect(sim.load()).toEqual(free);
  });

  test('forced tokens of a stream that has not started are not asked for', () => {
    const { sim, start } = bench({});
    start(1, LONG);
    expect(() => sim.forcedTokens(1, 0)).toThrow('forced tokens are those of a stream that has started');
  });
});
