import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countTokens, TokenCounter } from './token-counter.ts';
import { tokenise } from './tokeniser.ts';

const VOCAB = 201_088;

/** Tokens of a text that is counted in these steps, the last of them again and again. */
function counted(text: string, steps: readonly number[]): number {
  const counter = new TokenCounter(text);
  for (let index = 0; !counter.isDone; index += 1) counter.step(steps[Math.min(index, steps.length - 1)] ?? 2);
  return counter.tokens;
}

describe('TokenCounter', () => {
  test('counts what the tokeniser makes, however the text is cut', () => {
    const words = fc.constantFrom('abcdefg', 'é', '😀', ' ', '      ', '~abcdef ', '\n', 'hello', 'ÿ', '\ud83d', 'a');
    const text = fc.array(words, { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 20 }), (whole, steps) => {
        expect(counted(whole, steps)).toBe(tokenise(whole, VOCAB).ids.length);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(['a', 'é', '😀', ' ', '~', 'a2b3c4d', 'a2b3c4dé', 'abcdefg ', '\n'])(
    'counts a long text of %j at any border of its pieces',
    (unit) => {
      const text = `x${unit.repeat(Math.ceil(50_000 / unit.length))}`;
      expect(countTokens(text)).toBe(tokenise(text, VOCAB).ids.length);
    },
  );

  test('takes one step at a time', () => {
    const counter = new TokenCounter('abcd'.repeat(100));
    counter.step(100);
    expect([counter.tokens, counter.isDone]).toEqual([25, false]);
    counter.step(200);
    counter.step(200);
    expect([counter.tokens, counter.isDone]).toEqual([100, true]);
    counter.step(200);
    expect(counter.tokens).toBe(100);
  });

  test('nothing is done before it begins', () => {
    expect(new TokenCounter('')).toMatchObject({ tokens: 0, isDone: true });
  });
});
