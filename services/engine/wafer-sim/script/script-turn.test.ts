/** Scripted turns as the driver runs them: a function of (turn, offset) in every way that a turn can go (WAFER §6.2, PROTOCOL E6). */
import { describe, expect, test } from '@jest/globals';
import { parseSimScript } from '@reticle/core/domain';
import { renderItems, tokenise, type Item } from '@reticle/core/domain/tokens';
import { modelById } from '@reticle/core/domain/wafer';
import type { ItemMark, StartWork } from '../../contract.ts';
import { EventLog } from '../event-log.ts';
import { simBench, type SimBenchOptions } from '../sim-bench.ts';

const { vocab } = modelById('spark-ref');
const tools = JSON.stringify([
  {
    type: 'function',
    name: 'exec',
    parameters: {
      type: 'object',
      properties: { cmd: { type: 'string' }, tries: { enum: [1, 2, 3] } },
      required: ['cmd', 'tries'],
    },
  },
  { type: 'custom', name: 'patch' },
]);
const script = parseSimScript(
  JSON.stringify([
    {
      text: 'list',
      items: [
        { reasoning: 31 },
        { call: { name: 'exec', arguments: { cmd: 'ls -a', tries: 1 } } },
        { call: { name: 'patch', input: 'line 1\nline 2' } },
        { message: { text: 'Wait.' } },
        { call: { name: 'exec' } },
      ],
    },
    { text: 'think', items: [{ reasoning: 12 }, { message: {} }] },
  ]),
  'script',
);
const ask = (content: string): StartWork['input'] => [
  { kind: 'item', json: JSON.stringify({ role: 'user', content }) },
];
const LIST: Partial<StartWork> = {
  input: ask('list them'),
  params: { seed: 7, stop: [], tools },
  length: 'max',
  maxOutputTokens: 2_000,
};
const THINK: Partial<StartWork> = { ...LIST, input: ask('think'), maxOutputTokens: 80 };
const NEXT: Partial<StartWork> = { input: ask('More'), afterOutput: true, maxOutputTokens: 12, length: 'max' };

function bench(options: SimBenchOptions = {}) {
  const log = new EventLog();
  return { ...simBench({ script, ...options, events: log }), log };
}

function whole(options: SimBenchOptions, work: Partial<StartWork>) {
  const { clock, log, start } = bench(options);
  start(1, work);
  clock.runUntilIdle(60_000);
  return log.stream(1);
}

type Turn = ReturnType<typeof whole>;

/** The items of a turn, from its marks and texts alone. */
function itemsOf({ marks, texts }: Turn): { kind: ItemMark['kind']; name: string; callId: string; text: string }[] {
  return marks
    .filter(({ closed }) => !closed)
    .map(({ kind, toolName: name, callId, itemIndex, atOffset }) => {
      const end = marks.find((mark) => mark.closed && mark.itemIndex === itemIndex)?.atOffset;
      return { kind, name, callId, text: Buffer.concat(texts.slice(atOffset, end)).toString() };
    });
}

function sentBack(turn: Turn): readonly Item[] {
  return itemsOf(turn).map(({ kind, name, callId, text }): Item => {
    if (kind === 'message') return { kind, role: 'assistant', text };
    return kind === 'reasoning' ? { kind, text } : { kind, name, callId, text };
  });
}

describe.each([
  { name: 'hash', options: { tokens: 'hash' } },
  { name: 'code', options: { tokens: 'code' } },
  { name: 'dense drafter', options: { tokens: 'hash', drafter: 'dense' } },
] as const)('a scripted turn ($name)', ({ options }) => {
  const turn = whole(options, LIST);

  test('says its items and ends with the last one', () => {
    const items = itemsOf(turn);
    expect(items.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'reasoning ',
      'function-call exec',
      'custom-tool-call patch',
      'message ',
      'function-call exec',
    ]);
    expect(items.slice(1, 4).map(({ text }) => text)).toEqual(['{"cmd":"ls -a","tries":1}', 'line 1\nline 2', 'Wait.']);
    const { cmd, tries } = JSON.parse(items[4]?.text ?? '') as Record<string, unknown>;
    expect([typeof cmd, [1, 2, 3].includes(tries as number)]).toEqual(['string', true]);
    const callIds = items.map(({ callId }) => callId).filter((id) => id !== '');
    expect(new Set(callIds).size).toBe(3);
    expect(turn.closed).toEqual({ kind: 'ended', finishReason: 'stop', generated: turn.ids.length });
  });

  test.each([
    { name: 'that ends by itself', work: LIST },
    { name: 'of thought and prose', work: THINK },
  ])('$name, sent back as items, has the tokens that were generated', ({ work }) => {
    const answered = whole(options, work);
    const again = tokenise(renderItems(sentBack(answered)), vocab).ids;
    const grown = [...tokenise('assistant\n', vocab).ids, ...answered.ids, ...tokenise('\n', vocab).ids];
    expect([...again]).toEqual(grown);
  });

  test('goes on from every offset as if nothing had happened', () => {
    const { clock, log, start } = bench(options);
    const offsets = turn.ids.map((_, index) => index + 1);
    for (const offset of offsets) start(offset, { ...LIST, forced: turn.ids.slice(0, offset) });
    clock.runUntilIdle(60_000);
    for (const offset of offsets) {
      const { ids, texts, closed, marks } = log.stream(offset);
      expect(ids).toEqual(turn.ids.slice(offset));
      expect(Buffer.concat(texts).equals(Buffer.concat(turn.texts.slice(offset)))).toBe(true);
      expect([closed, marks]).toEqual([turn.closed, turn.marks]);
    }
  });

  test('cut at any offset leaves a context that a replica makes again from the kept tokens', () => {
    for (const keep of [0, 1, 33, 40, turn.ids.length]) {
      const one = bench(options);
      one.start(1, LIST);
      one.clock.runUntilIdle(60_000);
      const other = bench(options);
      other.start(1, { ...LIST, forced: turn.ids.slice(0, keep) });
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

  test('is refused the forced tokens of another choice', () => {
    const forced = whole(options, { ...LIST, choice: 1 }).ids;
    expect(whole(options, { ...LIST, forced }).closed).toMatchObject({ kind: 'failed', error: { code: 'internal' } });
  });

  test('prose behind thought is as long as its limit leaves', () => {
    const { ids, closed, marks } = whole(options, THINK);
    expect(closed).toEqual({ kind: 'ended', finishReason: 'length', generated: 80 });
    expect(ids).toHaveLength(80);
    expect(marks.at(-1)).toMatchObject({ kind: 'message', closed: true, atOffset: 80 });
  });

  test.each([
    { name: 'inside a thought', limit: 10, wantOpen: 'reasoning' },
    { name: 'inside a call', limit: 60, wantOpen: 'function-call' },
  ])('a limit $name leaves it open', ({ limit, wantOpen }) => {
    const { closed, marks } = whole(options, { ...LIST, maxOutputTokens: limit });
    expect(closed).toMatchObject({ kind: 'ended', finishReason: 'length', generated: limit });
    expect(marks.at(-1)).toMatchObject({ kind: wantOpen, closed: false });
  });

  test('siblings differ in words, arguments and call ids', () => {
    const siblings = [0, 1, 2].map((choice) => itemsOf(whole(options, { ...LIST, choice })));
    const pick = (index: number, field: 'text' | 'callId'): Set<unknown> =>
      new Set(siblings.map((items) => items[index]?.[field]));
    expect([pick(1, 'callId').size, pick(4, 'text').size > 1]).toEqual([3, true]);
  });
});

describe('a choice of tools', () => {
  const params = (toolChoice: string, over: object = {}): Partial<StartWork> => ({
    ...LIST,
    params: { seed: 7, stop: [], tools, toolChoice, ...over },
  });

  test('a demanded call walks the schema, without any script', () => {
    const [call, ...more] = itemsOf(whole({ script: [] }, params('{"type":"function","name":"exec"}')));
    expect([call?.kind, call?.name, more]).toEqual(['function-call', 'exec', []]);
    expect(JSON.parse(call?.text ?? '')).toMatchObject({ cmd: expect.any(String), tries: expect.any(Number) });
  });

  test('a demanded custom call has an input', () => {
    const [call] = itemsOf(whole({}, params('{"type":"custom","name":"patch"}')));
    expect([call?.kind, (call?.text ?? '').length > 0]).toEqual(['custom-tool-call', true]);
  });

  test('none leaves prose', () => {
    expect(itemsOf(whole({}, params('"none"'))).map(({ kind }) => kind)).toEqual(['message']);
  });

  test('one call at a time', () => {
    const items = itemsOf(whole({}, params('"auto"', { parallelToolCalls: false })));
    expect(items.map(({ kind }) => kind)).toEqual(['reasoning', 'function-call', 'message']);
  });

  test('tools of the context count, and stay', () => {
    const added = JSON.stringify({ type: 'additional_tools', role: 'developer', tools: JSON.parse(tools) });
    const { clock, sim, log, start } = bench();
    start(1, { ...THINK, params: { seed: 7, stop: [] }, input: [{ kind: 'item', json: added }, ...ask('Hi')] });
    clock.runUntilIdle(60_000);
    sim.truncate(1, 5, 1);
    start(2, { ...LIST, parent: 1, afterOutput: true, params: { seed: 7, stop: [] } });
    clock.runUntilIdle(60_000);
    expect(log.stream(2).marks.some(({ toolName }) => toolName === 'patch')).toBe(true);
  });

  test.each([
    {
      name: 'no tool',
      work: params('"required"', { tools: undefined }),
      wantParam: 'params.tool_choice_json',
      wantCode: 'invalid_request',
    },
    {
      name: 'a schema that nobody can follow',
      work: params('"required"', { tools: '[{"type":"function","name":"a","parameters":{"allOf":[]}}]' }),
      wantParam: 'params.tools_json',
      wantCode: 'schema_too_complex',
    },
  ])('a demanded call of $name fails by name and holds nothing', ({ work, wantParam, wantCode }) => {
    const { clock, sim, log, start } = bench();
    const free = sim.load();
    start(1, work);
    clock.runUntilIdle(1_000);
    expect(log.stream(1).closed).toMatchObject({ kind: 'failed', error: { code: wantCode, param: wantParam } });
    expect(sim.load()).toEqual(free);
  });

  test('messages keep their format beside thought', () => {
    const textFormat = '{"type":"json_schema","schema":{"const":{"a":1}}}';
    const turn = whole({}, { ...THINK, params: { seed: 7, stop: [], textFormat } });
    expect(itemsOf(turn).at(-1)).toMatchObject({ kind: 'message', text: '{"a":1}' });
    expect(turn.closed).toMatchObject({ finishReason: 'stop' });
  });
});
