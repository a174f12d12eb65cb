import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { isReticleError } from '../reticle-error.ts';
import { tokeniseInput, type InputPiece } from './input.ts';
import type { MessageItem } from './item.ts';
import { renderItems, renderTurnInput } from './template.ts';
import { tokenise } from './tokeniser.ts';

const vocab = 201_088;
const user = (text: string): MessageItem => ({ role: 'user', text });
const assistant = (text: string): MessageItem => ({ role: 'assistant', text });
const item = (message: MessageItem): InputPiece => ({ kind: 'item', item: message });
const span = (...ids: readonly number[]): InputPiece => ({ kind: 'tokens', ids });
const idsOf = (text: string) => [...tokenise(text, vocab).ids];

describe('renderTurnInput', () => {
  const items = [{ role: 'system', text: 'Be brief.' } as const, user('Hi')];
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
    expect([...tokeniseInput(pieces, { vocab, afterAssistantOutput: after }).ids]).toEqual(want);
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
