import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { isReticleError } from '../reticle-error.ts';
import { countInput, tokeniseInput, type InputPiece } from './input.ts';
import { parseItem, type Item, type MessageItem } from './item.ts';
import { itemHeading, renderItems, renderTurnInput, type GeneratedItem } from './template.ts';
import { tokenise } from './tokeniser.ts';

const vocab = 201_088;
const user = (text: string): MessageItem => ({ kind: 'message', role: 'user', text });
const assistant = (text: string): MessageItem => ({ kind: 'message', role: 'assistant', text });
const item = (each: Item): InputPiece => ({ kind: 'item', item: each });
const span = (...ids: readonly number[]): InputPiece => ({ kind: 'tokens', ids });
const idsOf = (text: string) => [...tokenise(text, vocab).ids];

describe('renderTurnInput', () => {
  const items = [{ kind: 'message', role: 'system', text: 'Be brief.' } as const, user('Hi')];
  test.each([
    {
      name: 'a first turn',
      input: { items, afterAssistantOutput: false },
      want: 'system\nBe brief.\nuser\nHi\nassistant\n',
    },
    {
      name: 'a successor',
      input: { items: [user('More')], afterAssistantOutput: true },
      want: '\nuser\nMore\nassistant\n',
    },
    { name: 'a successor without items', input: { items: [], afterAssistantOutput: true }, want: '\nassistant\n' },
    {
      name: 'a prefix',
      input: { items, afterAssistantOutput: false, opensAnswer: false },
      want: 'system\nBe brief.\nuser\nHi\n',
    },
    { name: 'an empty prefix', input: { items: [], afterAssistantOutput: false, opensAnswer: false }, want: '' },
  ])('$name', ({ input, want }) => {
    expect(renderTurnInput(input)).toBe(want);
  });

  test('a conversation sent again is the sequence that grew', () => {
    const line = fc.stringMatching(/^[a-zA-Z2-7é ~\n]{0,30}$/);
    fc.assert(
      fc.property(line, line, line, (question, answer, next) => {
        const grown =
          renderTurnInput({ items: [user(question)], afterAssistantOutput: false }) +
          answer +
          renderTurnInput({ items: [user(next)], afterAssistantOutput: true });
        const again = [user(question), assistant(answer), user(next)];
        expect(renderTurnInput({ items: again, afterAssistantOutput: false })).toBe(grown);
      }),
    );
  });
});

describe('items other than messages', () => {
  test.each([
    {
      name: 'reasoning',
      item: { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'Hm' }] },
      want: 'assistant\nreasoning\nHm\n',
    },
    {
      name: 'reasoning whose text was kept back',
      item: { type: 'reasoning', summary: [], encrypted_content: 'x' },
      want: '',
    },
    {
      name: 'a call, without its ids',
      item: {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: 'ls',
        arguments: '{"a": 1}',
        status: 'completed',
      },
      want: 'assistant\nfunction_call ls\n{"a": 1}\n',
    },
    {
      name: 'a custom call',
      item: { type: 'custom_tool_call', call_id: 'call_1', name: 'patch', input: 'a\nb' },
      want: 'assistant\ncustom_tool_call patch\na\nb\n',
    },
    {
      name: "a call's output",
      item: { type: 'function_call_output', call_id: 'call_1', output: 'done' },
      want: 'function_call_output\ndone\n',
    },
    {
      name: "a custom call's output in parts",
      item: {
        type: 'custom_tool_call_output',
        call_id: 'call_1',
        output: [
          { type: 'input_text', text: 'a' },
          { type: 'input_text', text: 'b' },
        ],
      },
      want: 'custom_tool_call_output\nab\n',
    },
    {
      name: 'tools, in canonical order',
      item: {
        type: 'additional_tools',
        role: 'developer',
        tools: [{ type: 'function', name: 'ls', parameters: { b: [2, 1], a: {} } }],
      },
      want: 'additional_tools\n[{"name":"ls","parameters":{"a":{},"b":[2,1]},"type":"function"}]\n',
    },
  ])('$name', ({ item, want }) => {
    expect(renderItems([parseItem(JSON.stringify(item), 'input[0]')])).toBe(want);
  });

  test('what was generated in several items, sent again, is the sequence that grew', () => {
    const line = fc.stringMatching(/^[a-zA-Z2-7é ~\n]{1,30}$/);
    const kind = fc.constantFrom('message', 'reasoning', 'function-call', 'custom-tool-call' as const);
    const generated = fc.record({ kind, toolName: fc.constantFrom('ls', 'apply_patch'), text: line });
    fc.assert(
      fc.property(fc.array(generated, { minLength: 1, maxLength: 5 }), line, line, (items, question, output) => {
        const answer = items.map((each, index) => itemHeading(each, index === 0) + each.text);
        const next: Item = { kind: 'function-call-output', callId: 'call_1', text: output };
        const parts = [
          renderTurnInput({ items: [user(question)], afterAssistantOutput: false }),
          ...answer,
          renderTurnInput({ items: [next], afterAssistantOutput: true }),
        ];
        const again = renderTurnInput({
          items: [user(question), ...items.map(returned), next],
          afterAssistantOutput: false,
        });
        expect(again).toBe(parts.join(''));
        expect(again).toContain('function_call_output');
      }),
    );
  });

  test('a heading alone has the tokens that it has in the whole text', () => {
    const call: GeneratedItem = { kind: 'function-call', toolName: 'exec_command' };
    const first = `${itemHeading({ kind: 'reasoning', toolName: '' }, true)}Hm`;
    const parts = [first, itemHeading(call, false), '{"cmd":"ls"}', '\n'];
    expect(parts.flatMap(idsOf)).toEqual(idsOf(parts.join('')));
  });
});

/** A generated item as a client sends it back. */
function returned({ kind, toolName: name, text }: GeneratedItem & { readonly text: string }): Item {
  if (kind === 'message') return assistant(text);
  return kind === 'reasoning' ? { kind, text } : { kind, name, callId: 'call_1', text };
}

describe('tokeniseInput', () => {
  test.each([
    {
      name: 'items',
      pieces: [item(user('a')), item(user('b'))],
      after: false,
      want: idsOf('user\na\nuser\nb\nassistant\n'),
    },
    { name: 'items after an answer', pieces: [item(user('a'))], after: true, want: idsOf('\nuser\na\nassistant\n') },
    { name: 'nothing', pieces: [], after: true, want: idsOf('\nassistant\n') },
    { name: 'a span alone, as given', pieces: [span(16486, 22558)], after: false, want: [16486, 22558] },
    { name: 'a span alone after an answer, as given', pieces: [span(5)], after: true, want: [5] },
    {
      name: 'a span first',
      pieces: [span(1, 2), item(user('a'))],
      after: true,
      want: [1, 2, ...idsOf('user\na\nassistant\n')],
    },
    { name: 'a span last', pieces: [item(user('a')), span(3)], after: true, want: [...idsOf('\nuser\na\n'), 3] },
    {
      name: 'a span between items',
      pieces: [item(user('a')), span(9, 0), item(user('b'))],
      after: false,
      want: [...idsOf('user\na\n'), 9, 0, ...idsOf('user\nb\nassistant\n')],
    },
    { name: 'an empty span', pieces: [span()], after: false, want: [] },
  ])('$name', ({ pieces, after, want }) => {
    const options = { vocab, afterAssistantOutput: after };
    expect([...tokeniseInput(pieces, options).ids]).toEqual(want);
    expect(countInput(pieces, options)).toBe(want.length);
  });

  test('counts what it would make, in any text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => item(user(text))),
      fc.array(fc.nat(vocab - 1), { maxLength: 5 }).map((ids) => span(...ids)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.boolean(), fc.boolean(), (pieces, after, opensAnswer) => {
        const options = { vocab, afterAssistantOutput: after, opensAnswer };
        expect(countInput(pieces, options)).toBe(tokeniseInput(pieces, options).ids.length);
      }),
    );
  });

  test('takes the count of what was counted before', () => {
    const pieces = [item(user('a')), span(3), item(user('b b')), item(user(''))];
    const counted = pieces.map((piece) =>
      piece.kind === 'item' ? { kind: 'counted' as const, tokens: idsOf(renderItems([piece.item])).length } : piece,
    );
    for (const options of [{ afterAssistantOutput: true }, { afterAssistantOutput: false, opensAnswer: false }]) {
      const want = tokeniseInput(pieces, { vocab, ...options }).ids.length;
      expect(countInput(counted, { vocab, ...options })).toBe(want);
    }
  });

  test('a prefix opens no answer', () => {
    const { ids } = tokeniseInput([item(user('a'))], { vocab, afterAssistantOutput: false, opensAnswer: false });
    expect([...ids]).toEqual(idsOf(renderItems([user('a')])));
  });

  test('a turn after a prefix costs what both cost', () => {
    const options = { vocab, afterAssistantOutput: false };
    const prefix = tokeniseInput([item(user('a'))], { ...options, opensAnswer: false });
    const turn = tokeniseInput([item(user('b'))], options);
    const whole = tokeniseInput([item(user('a')), item(user('b'))], options);
    expect([...prefix.ids, ...turn.ids]).toEqual([...whole.ids]);
  });

  test.each([
    { name: 'no canary', texts: ['cnry-abc23', 'cnry-ABCDEF', 'cnry_abc234'], want: undefined },
    { name: 'the first canary', texts: ['x', 'say cnry-abc234567 and cnry-zzzzzz', 'cnry-yyyyyy'], want: 'abc234' },
  ])('finds $name', ({ texts, want }) => {
    const pieces = texts.map((text) => item(user(text)));
    expect(tokeniseInput(pieces, { vocab, afterAssistantOutput: false }).canary).toBe(want);
  });

  test.each([
    { name: 'of several', pieces: [item(user('a')), item(user('b')), item(assistant('c'))], want: 'b' },
    { name: 'before a span', pieces: [item(user('a')), span(1)], want: 'a' },
    { name: 'of none', pieces: [item(assistant('c')), span(1)], want: undefined },
  ])('keeps the last user message $name', ({ pieces, want }) => {
    expect(tokeniseInput(pieces, { vocab, afterAssistantOutput: false }).lastUserText).toBe(want);
  });

  const told = { kind: 'tools' as const, text: '[]', tools: [] };
  const added = { kind: 'additional-tools' as const, text: '[]', tools: [{ kind: 'custom' as const, name: 'patch' }] };
  test.each([
    { name: 'an item', pieces: [span(1), item(user('a'))], want: user('a') },
    { name: 'an item before tools', pieces: [item(user('a')), item(told)], want: user('a') },
    { name: 'a span', pieces: [item(user('a')), span(1)], want: undefined },
    { name: 'nothing', pieces: [], want: undefined },
  ])('what stands last: $name', ({ pieces, want }) => {
    expect(tokeniseInput(pieces, { vocab, afterAssistantOutput: false }).lastItem).toEqual(want);
  });

  test('tools that stay are those of additional_tools alone', () => {
    const { additionalTools } = tokeniseInput([item({ ...told, tools: added.tools }), item(added)], {
      vocab,
      afterAssistantOutput: false,
    });
    expect(additionalTools).toEqual(added.tools);
  });

  test.each([vocab, -1, 1.5, Number.NaN])('refuses the id %d', (id) => {
    let refused: unknown;
    try {
      tokeniseInput([item(user('a')), span(0, vocab - 1, id)], { vocab, afterAssistantOutput: false });
    } catch (error) {
      refused = error;
    }
    if (!isReticleError(refused)) throw new Error('was accepted');
    expect(refused.code).toBe('value_out_of_range');
    expect(refused.param).toBe('input[1].tokens');
    expect(refused.details).toEqual({ limit: String(vocab - 1), position: '2' });
  });
});
