/** Turns under a grammar, and sibling turns, as the driver runs them (WAFER §6.2, PROTOCOL E6). */
import { describe, expect, test } from '@jest/globals';
import type { StartWork } from '../contract.ts';
import { EventLog } from './event-log.ts';
import { simBench, type SimBenchOptions } from './sim-bench.ts';

const textFormat = JSON.stringify({
  type: 'json_schema',
  schema: {
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 30 },
      tags: { type: 'array', items: { enum: ['red', 'größer', null] }, minItems: 6 },
      weight: { type: 'number' },
    },
    required: ['name', 'tags', 'weight'],
  },
});
const SCHEMA: Partial<StartWork> = {
  input: [{ kind: 'item', json: '{"role":"user","content":"describe the parcel"}' }],
  params: { seed: 7, stop: [], textFormat },
  length: 'max',
  maxOutputTokens: 2_000,
};
const NEXT: Partial<StartWork> = {
  input: [{ kind: 'item', json: '{"role":"user","content":"and its sender"}' }],
  afterOutput: true,
  maxOutputTokens: 12,
  length: 'max',
};

function bench(options: SimBenchOptions = {}) {
  const log = new EventLog();
  return { ...simBench({ ...options, events: log }), log };
}

function whole(options: SimBenchOptions, work: Partial<StartWork> = SCHEMA) {
  const { clock, log, start } = bench(options);
  start(1, work);
  clock.runUntilIdle(60_000);
  const turn = log.stream(1);
  return { ...turn, text: Buffer.concat(turn.texts).toString() };
}

describe.each([
  { name: 'hash', options: { tokens: 'hash' } },
  { name: 'code', options: { tokens: 'code' } },
  { name: 'dense drafter', options: { tokens: 'hash', drafter: 'dense' } },
  { name: 'items of 16 tokens', options: { tokens: 'hash', itemEvery: 16 } },
] as const)('a schema turn ($name)', ({ options }) => {
  const turn = whole(options);

  test('is a JSON text of the schema and stops at its end, whatever length is asked for', () => {
    const { name, tags, weight } = JSON.parse(turn.text) as Record<string, unknown>;
    expect(name).toMatch(/^[a-z ]{30,}$/);
    expect(tags).toHaveLength(
      (tags as unknown[]).filter((tag) => ['red', 'größer', null].includes(tag as null)).length,
    );
    expect(typeof weight).toBe('number');
    expect(turn.closed).toEqual({ kind: 'ended', finishReason: 'stop', generated: turn.ids.length });
    expect(whole(options, { ...SCHEMA, length: 'natural' }).ids).toEqual(turn.ids);
  });

  test.each([
    { name: 'below its end', less: 5, wantReason: 'length' },
    { name: 'at its end', less: 0, wantReason: 'stop' },
  ])('with a limit $name ends for that reason', ({ less, wantReason }) => {
    const maxOutputTokens = turn.ids.length - less;
    const { ids, closed } = whole(options, { ...SCHEMA, maxOutputTokens });
    expect(ids).toEqual(turn.ids.slice(0, maxOutputTokens));
    expect(closed).toEqual({ kind: 'ended', finishReason: wantReason, generated: maxOutputTokens });
  });

  test('goes on from every offset as if nothing had happened', () => {
    const { clock, log, start } = bench(options);
    const offsets = turn.ids.map((_, index) => index + 1);
    for (const offset of offsets) start(offset, { ...SCHEMA, forced: turn.ids.slice(0, offset) });
    clock.runUntilIdle(60_000);
    for (const offset of offsets) {
      const { ids, texts, closed, marks } = log.stream(offset);
      expect(ids).toEqual(turn.ids.slice(offset));
      expect(Buffer.concat(texts).equals(Buffer.concat(turn.texts.slice(offset)))).toBe(true);
      expect([closed, marks]).toEqual([turn.closed, turn.marks]);
    }
  });

  test('paused and resumed again and again is the same', () => {
    const { clock, sim, log, start } = bench(options);
    start(1, SCHEMA);
    for (let round = 0; round < 2_000 && log.stream(1).closed === undefined; round += 1) {
      clock.step();
      sim.pause(1);
      clock.advance(5);
      sim.resume(1);
    }
    expect(log.stream(1)).toMatchObject({ ids: turn.ids, closed: turn.closed });
  });

  test('cut at any offset leaves a context that a replica makes again from the kept tokens', () => {
    for (const keep of [0, 1, 17, turn.ids.length]) {
      const one = bench(options);
      one.start(1, SCHEMA);
      one.clock.runUntilIdle(60_000);
      const other = bench(options);
      other.start(1, { ...SCHEMA, forced: turn.ids.slice(0, keep) });
      other.sim.halt(1);
      other.clock.runUntilIdle(60_000);
      for (const { sim, start, clock } of [one, other]) {
        sim.truncate(1, keep, 1);
        start(2, { ...NEXT, parent: 1 });
        clock.runUntilIdle(60_000);
      }
      expect(other.log.stream(2).ids).toEqual(one.log.stream(2).ids);
      expect(one.log.stream(2).ids).toHaveLength(12);
    }
  });

  test.each([
    { name: 'one token differs', forge: (ids: number[]) => ids.with(9, (ids[9] ?? 0) + 1), wantPosition: '9' },
    {
      name: 'another choice spoke',
      forge: () => whole(options, { ...SCHEMA, choice: 1 }).ids,
      wantPosition: undefined,
    },
    { name: 'they go past the end', forge: (ids: number[]) => [...ids, 5], wantPosition: String(turn.ids.length) },
  ])('is refused forced tokens where $name', ({ forge, wantPosition }) => {
    const { clock, log, start } = bench(options);
    start(1, { ...SCHEMA, forced: forge(turn.ids) });
    clock.runUntilIdle(60_000);
    expect(log.stream(1)).toMatchObject({ ids: [], closed: { kind: 'failed', error: { code: 'internal' } } });
    const position = log.failures[0]?.details['position'];
    expect(position).toEqual(wantPosition ?? expect.any(String));
  });
});

describe('sibling turns', () => {
  test.each([
    { name: 'under a schema', work: SCHEMA },
    { name: 'without one', work: { ...SCHEMA, params: { seed: 7, stop: [] }, maxOutputTokens: 80 } },
  ])('$name differ from each other, and each is the same alone', ({ work }) => {
    const { clock, log, start } = bench();
    for (const choice of [0, 1, 2]) start(1 + choice, { ...work, choice });
    clock.runUntilIdle(60_000);
    const together = [1, 2, 3].map((stream) => log.stream(stream).ids);
    expect(new Set(together.map(String)).size).toBe(3);
    expect([0, 1, 2].map((choice) => whole({}, { ...work, choice }).ids)).toEqual(together);
  });
});

describe('a format that no grammar is made of', () => {
  test('fails the turn by name and holds nothing', () => {
    const { clock, sim, log, start } = bench();
    const free = sim.load();
    start(1, { ...SCHEMA, params: { stop: [], textFormat: '{"type":"json_schema","schema":{"allOf":[]}}' } });
    clock.runUntilIdle(1000);
    expect(log.stream(1).closed).toMatchObject({
      kind: 'failed',
      error: { code: 'schema_too_complex', param: 'params.text_format_json' },
    });
    expect(sim.load()).toEqual(free);
  });
});
