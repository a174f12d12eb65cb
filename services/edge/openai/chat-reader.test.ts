import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChatReader } from './chat-reader.ts';
import { begin, ended, mark, profile, run, started, thinkAndCall } from './openai-kit.ts';
import { ResponseRecord } from './response-record.ts';

type Delta = {
  readonly role?: string;
  readonly content?: string;
  readonly reasoning?: string;
  readonly tool_calls?: object[];
};
type Told = {
  readonly choices: readonly { index: number; delta: Delta; finish_reason: string | null }[];
  readonly usage?: object;
  readonly reticle?: object;
};

/** A reader of so many choices, and what it told. */
function rig(options: { records?: readonly ResponseRecord[]; after?: number; includeUsage?: boolean } = {}) {
  const { records = [new ResponseRecord('r')], includeUsage = false, ...more } = options;
  const told: { offset: number | undefined; chunk: Told }[] = [];
  const ends: string[] = [];
  const output = {
    chunk: (json: string, offset: number | undefined): void =>
      void told.push({ offset, chunk: JSON.parse(json) as Told }),
    done: (): void => void ends.push('done'),
    failed: ({ code }: { code: string }): void => void ends.push(code),
  };
  const reader = new ChatReader({ profile, records, output, includeUsage, ...more });
  reader.pump();
  const deltas = (): Delta[] => told.flatMap(({ chunk }) => chunk.choices.map(({ delta }) => delta));
  return { records, record: records[0] as ResponseRecord, told, ends, reader, deltas };
}

describe('an answer as chunks', () => {
  test('role, text, reason, end', () => {
    const { record, told, ends, deltas } = rig();
    expect(told).toEqual([]);
    begin(record, ['Hel', 'lo']);
    record.event(mark(2, { closed: true }));
    record.event(ended(2));
    expect(deltas()).toEqual([{ role: 'assistant', content: '' }, { content: 'Hello' }, {}]);
    expect(told.map(({ offset }) => offset)).toEqual([0, 2, 2]);
    expect(told.map(({ chunk }) => chunk.choices[0]?.finish_reason)).toEqual([null, null, 'stop']);
    expect(told.map(({ chunk }) => chunk.reticle !== undefined)).toEqual([true, false, true]);
    expect(ends).toEqual(['done']);
  });

  test('the usage is its own chunk, with the prompt once and all outputs', () => {
    const records = [new ResponseRecord('a'), new ResponseRecord('b')];
    const { told } = rig({ records, includeUsage: true });
    for (const record of records) {
      begin(record, ['x', 'y']);
      record.event(ended(2));
    }
    expect(told.at(-1)?.chunk).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 4,
        total_tokens: 14,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    });
  });

  test('choices have no offsets, and the answer ends with the last of them', () => {
    const records = [new ResponseRecord('a'), new ResponseRecord('b')];
    const { told, ends } = rig({ records });
    begin(records[1] as ResponseRecord, ['x']);
    records[1]?.event(ended(1));
    expect(ends).toEqual([]);
    begin(records[0] as ResponseRecord, ['y']);
    records[0]?.event(ended(1));
    expect(ends).toEqual(['done']);
    expect(new Set(told.map(({ offset }) => offset))).toEqual(new Set([undefined]));
    expect(told.map(({ chunk }) => chunk.choices[0]?.index)).toEqual([1, 1, 1, 0, 0, 0]);
  });

  test('reasoning and a call', () => {
    const { record, told, deltas } = rig();
    thinkAndCall(record);
    expect(deltas().slice(1)).toEqual([
      { reasoning: 'hm' },
      { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] },
      {},
    ]);
    expect(told.at(-1)?.chunk.choices[0]?.finish_reason).toBe('tool_calls');
  });

  test.each([
    { status: 'incomplete', finishReason: 'length', want: 'length' },
    { status: 'incomplete', finishReason: 'content_filter', want: 'content_filter' },
    { status: 'interrupted', finishReason: 'interrupted', want: 'stop' },
    { status: 'completed', finishReason: 'stop', want: 'stop' },
  ] as const)('$status $finishReason is $want', ({ want, ...end }) => {
    const { record, told } = rig();
    begin(record, ['a']);
    record.event(ended(1, end));
    expect(told.at(-1)?.chunk.choices[0]?.finish_reason).toBe(want);
  });

  test('a turn that fails ends all of it, once', () => {
    const records = [new ResponseRecord('a'), new ResponseRecord('b')];
    const { told, ends } = rig({ records });
    for (const record of records) begin(record, ['x']);
    const error = { code: 'engine_lost', message: 'the engine was lost', param: '' } as const;
    records[0]?.event(ended(1, { status: 'failed', error }));
    const count = told.length;
    records[1]?.tokens(run(1, ['more']));
    records[1]?.event(ended(2));
    expect([ends, told.length]).toEqual([['engine_lost'], count]);
  });

  test('a closed reader tells nothing', () => {
    const { record, told, reader, ends } = rig();
    reader.close();
    begin(record, ['a']);
    record.event(ended(1));
    expect([told, ends]).toEqual([[], []]);
  });
});

describe('a reader that comes back', () => {
  const words = ['one ', 'zwölf ', 'три ', '四 ', '', '😀 ', 'end'];

  test('has the rest of the text from any offset on, and no second role', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: words.length }), (after) => {
        const record = new ResponseRecord('r');
        begin(record, words);
        const { deltas } = rig({ records: [record], after });
        record.event(mark(words.length, { closed: true }));
        record.event(ended(words.length));
        expect(
          deltas()
            .map(({ content = '' }) => content)
            .join(''),
        ).toBe(words.slice(after).join(''));
        expect(deltas().some(({ role }) => role !== undefined)).toBe(false);
      }),
    );
  });

  test('text is whole code points, however bytes and tokens divide it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.array(fc.nat(80)), (text, cuts) => {
        const bytes = Buffer.from(text);
        const borders = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].toSorted(
          (a, b) => a - b,
        );
        const parts = borders.slice(1).map((border, index) => bytes.subarray(borders[index], border));
        const { record, deltas } = rig();
        record.event(started);
        record.event(mark(0));
        for (const [index, part] of parts.entries()) record.tokens(run(index, [part]));
        record.event(mark(parts.length, { closed: true }));
        record.event(ended(parts.length));
        const told = deltas().map(({ content = '' }) => content);
        expect(told.join('')).toBe(text);
        expect(told.every((each) => !each.includes('\ufffd') || text.includes('\ufffd'))).toBe(true);
      }),
    );
  });
});
