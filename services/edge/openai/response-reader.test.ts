import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { begin, ended, mark, profile, run, started, thinkAndCall } from './openai-kit.ts';
import { ResponseReader } from './response-reader.ts';
import { ResponseRecord } from './response-record.ts';

type Told = { readonly type: string; readonly sequence_number: number } & Readonly<Record<string, unknown>>;

/** A reader and what it was told. */
function rig(record = new ResponseRecord('r'), options: { after?: number; tokenwise?: boolean } = {}) {
  const told: Told[] = [];
  const output = {
    write: (_type: string, _at: number, json: string): void => void told.push(JSON.parse(json) as Told),
  };
  const reader = new ResponseReader({ record, profile, output, ...options });
  reader.pump();
  return { record, told, reader };
}

const names = (told: readonly Told[]): string[] =>
  told.map(({ type, sequence_number: at }) => `${type.replace('response.', '')} ${Math.floor(at / 64)}+${at % 64}`);

const textOf = (told: readonly Told[]): string =>
  told.flatMap(({ type, delta }) => (type === 'response.output_text.delta' ? [String(delta)] : [])).join('');

describe('a response as events', () => {
  test('a message from its creation to its end', () => {
    const { record, told } = rig();
    record.event(started);
    record.event(mark(0));
    record.tokens(run(0, ['Hel', 'lo']));
    record.tokens(run(2, [' you']));
    record.event(mark(3, { closed: true }));
    record.event(ended(3));
    expect(names(told)).toEqual([
      'created 0+16',
      'in_progress 0+18',
      'output_item.added 0+24',
      'content_part.added 0+25',
      'output_text.delta 2+0',
      'output_text.delta 3+0',
      'output_text.done 3+1',
      'content_part.done 3+2',
      'output_item.done 3+3',
      'completed 3+63',
    ]);
    expect(textOf(told)).toBe('Hello you');
    expect(told.at(-1)?.['response']).toMatchObject({
      status: 'completed',
      output: [{ id: 'msg_r0', type: 'message', content: [{ type: 'output_text', text: 'Hello you' }] }],
      usage: { input_tokens: 10, input_tokens_details: { cached_tokens: 4 }, output_tokens: 3, total_tokens: 13 },
      reticle: { served_tier: 'ultrafast', region: 'test-1', epoch: 1 },
    });
  });

  test('to a reader that is failed the response has failed, once, whatever becomes of it', () => {
    const record = new ResponseRecord('r');
    const [one, other] = [rig(record), rig(record)];
    record.event(started);
    record.event(mark(0));
    record.tokens(run(0, ['Hel', 'lo']));
    const error = { code: 'key_revoked', message: 'over', param: '' } as const;
    const end = { ...ended(2), status: 'failed', error } as const;
    one.reader.fail(end);
    one.reader.fail(end);
    record.tokens(run(2, [' you']));
    record.event(mark(3, { closed: true }));
    record.event(ended(3));
    one.reader.fail(end);
    expect(names(one.told).slice(-2)).toEqual(['output_text.delta 2+0', 'failed 2+63']);
    expect(one.told.at(-1)?.['response']).toMatchObject({
      status: 'failed',
      error: { code: 'key_revoked' },
      output: [],
      reticle: { error: { code: 'key_revoked' } },
    });
    expect([names(other.told).at(-1), textOf(other.told)]).toEqual(['completed 3+63', 'Hello you']);
  });

  test('reasoning, then a call, each with events of its own', () => {
    const { record, told } = rig();
    thinkAndCall(record);
    expect(names(told).slice(2, -1)).toEqual([
      'output_item.added 0+24',
      'content_part.added 0+25',
      'reasoning_text.delta 1+0',
      'reasoning_text.done 1+1',
      'content_part.done 1+2',
      'output_item.done 1+3',
      'output_item.added 1+24',
      'function_call_arguments.delta 3+0',
      'function_call_arguments.done 3+1',
      'output_item.done 3+3',
    ]);
    expect(told.at(-2)?.['item']).toEqual({
      id: 'fc_r1',
      type: 'function_call',
      status: 'completed',
      call_id: 'c1',
      name: 'look',
      arguments: '{"a":1}',
    });
  });

  test('an empty item closes behind its opening', () => {
    const { record, told } = rig();
    record.event(started);
    record.event(mark(0));
    record.event(mark(0, { closed: true }));
    record.event(ended(0));
    expect(names(told).slice(2)).toEqual([
      'output_item.added 0+24',
      'content_part.added 0+25',
      'output_text.done 0+32',
      'content_part.done 0+33',
      'output_item.done 0+34',
      'completed 0+63',
    ]);
  });

  test('a code point that two tokens share is told with the second', () => {
    const { record, told } = rig();
    const euro = Buffer.from('€');
    record.event(started);
    record.event(mark(0));
    record.tokens(run(0, [Buffer.concat([Buffer.from('a'), euro.subarray(0, 2)])]));
    record.tokens(run(1, [euro.subarray(2)]));
    expect(told.slice(-2).map(({ delta, sequence_number: at }) => [delta, at])).toEqual([
      ['a', 64],
      ['€', 128],
    ]);
  });

  test('an interrupt keeps the message up to its token, and says so', () => {
    const { record, told } = rig();
    begin(record, ['one ', 'two ', 'three ']);
    record.event({ ...ack, effectiveOffset: 2 });
    record.event(ended(2, { status: 'interrupted', finishReason: 'interrupted' }));
    expect(names(told).slice(-4)).toEqual([
      'output_text.done 3+0',
      'content_part.done 3+0',
      'output_item.done 3+0',
      'incomplete 3+63',
    ]);
    expect(told.at(-1)?.['response']).toMatchObject({
      incomplete_details: { reason: 'interrupted' },
      output: [{ content: [{ text: 'one two ' }] }],
      reticle: { receipt: { effective_offset: 2, wasted_tokens: 1 } },
    });
  });

  test('a failover says in_progress again, and its tokens come once', () => {
    const { record, told } = rig();
    begin(record, ['a', 'b']);
    record.event({ ...started, epoch: 2, startOffset: 1, reason: 'failover' });
    record.tokens(run(1, ['b', 'c']));
    expect(textOf(told)).toBe('abc');
    expect(names(told).filter((name) => name.startsWith('in_progress'))).toEqual([
      'in_progress 0+18',
      'in_progress 2+0',
    ]);
  });

  test('a failed turn is response.failed with the registry code', () => {
    const { record, told } = rig();
    begin(record, ['a']);
    const error = { code: 'engine_lost', message: 'the engine was lost', param: '' } as const;
    record.event(ended(1, { status: 'failed', error }));
    expect(told.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { error: { code: 'server_error' }, reticle: { error: { code: 'engine_lost' } } },
    });
  });
});

const ack = {
  kind: 'control-ack',
  seq: 1,
  signalId: 's',
  turnId: 't1',
  outcome: 'applied',
  effectiveOffset: 0,
  generatedOffset: 3,
  deliveredOffset: 3,
  wastedTokens: 1,
  kvAction: 'cut-in-place',
  kvKeptTokens: 0,
} as const;

describe('a reader that comes back', () => {
  const words = ['one ', 'zwölf ', 'три ', '四 ', '', '😀 ', 'end'];

  function whole(): ResponseRecord {
    const record = new ResponseRecord('r');
    begin(record, words);
    record.event(mark(words.length, { closed: true }));
    record.event(ended(words.length));
    return record;
  }

  test('has every event once, from any number on', () => {
    const first = rig(whole(), { tokenwise: true }).told;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: first.length - 1 }), fc.boolean(), (at, tokenwise) => {
        const after = first[at]?.sequence_number ?? 0;
        const again = rig(whole(), { after, tokenwise }).told;
        const before = first.slice(0, at + 1);
        expect(textOf(before) + textOf(again)).toBe(words.join(''));
        expect(again.every(({ sequence_number: number }) => number > after)).toBe(true);
      }),
    );
  });

  test('begins without output: what is in it follows', () => {
    const { told } = rig(whole());
    expect(told[0]?.['response']).toMatchObject({ status: 'in_progress', output: [], usage: null });
  });

  test('tokenwise, each delta is one token', () => {
    const { told } = rig(whole(), { tokenwise: true });
    const deltas = told.filter(({ type }) => type === 'response.output_text.delta');
    expect(deltas.map(({ delta }) => delta)).toEqual(words.filter((word) => word !== ''));
  });

  test('tokenwise, a long answer waits for its output, and is told once', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `${index} `);
    const record = new ResponseRecord('r');
    begin(record, many);
    const { told, reader } = rig(record, { tokenwise: true });
    const deltas = (): number => told.filter(({ type }) => type === 'response.output_text.delta').length;
    const steps = [deltas()];
    reader.taken();
    record.event(mark(many.length, { closed: true }));
    record.event(ended(many.length));
    steps.push(deltas());
    expect(told.at(-1)?.type).toBe('response.output_text.delta');
    while (!reader.done) reader.taken();
    expect([steps, deltas()]).toEqual([[256, 512], many.length]);
    expect(textOf(told)).toBe(many.join(''));
    expect(names(told).slice(-2)).toEqual(['output_item.done 1000+3', 'completed 1000+63']);
  });

  test('numbers never fall, however the tokens come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.string({ maxLength: 3 }), { minLength: 1, maxLength: 5 }), { maxLength: 20 }),
        (runs) => {
          const { record, told } = rig();
          record.event(started);
          record.event(mark(0));
          let offset = 0;
          for (const texts of runs) {
            record.tokens(run(offset, texts));
            offset += texts.length;
          }
          record.event(mark(offset, { closed: true }));
          record.event(ended(offset));
          const numbers = told.map(({ sequence_number: number }) => number);
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
          expect(textOf(told)).toBe(runs.flat().join(''));
        },
      ),
    );
  });
});
