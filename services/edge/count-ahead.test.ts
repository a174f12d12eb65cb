import { describe, expect, test } from '@jest/globals';
import { priceInput, type TurnInput } from '@reticle/services/session';
import { countedInput, countedItems, isLongInput } from './count-ahead.ts';
import { STEP_CHARACTERS } from './loop-turns.ts';

const PRICE = { afterOutput: false, opensAnswer: true, param: 'input' };
const item = (json: string): TurnInput => ({ kind: 'item', json });
const user = (content: unknown): string => JSON.stringify({ type: 'message', role: 'user', content });
const long = item(user('a "b" '.repeat(40_000)));

describe('countedInput', () => {
  test('items get their tokens, spans stay', async () => {
    const input: readonly TurnInput[] = [long, { kind: 'tokens', ids: [1, 2] }, item(user('Hi'))];
    const counted = await countedInput(input);
    expect(counted).toMatchObject([{ tokens: expect.any(Number) }, input[1], { tokens: expect.any(Number) }]);
    expect(priceInput(counted, PRICE)).toBe(priceInput(input, PRICE));
  });

  test('a short input is left as it is', async () => {
    const input = [item(user('Hi'))];
    expect(await countedInput(input)).toBe(input);
    expect([isLongInput(input), isLongInput([long])]).toEqual([false, true]);
  });

  test.each([
    { name: 'no JSON', json: '{"type"', want: 'invalid_json' },
    { name: 'nothing', json: '', want: 'invalid_json' },
    { name: 'no object', json: 'null', want: 'invalid_request' },
    { name: 'a list', json: '[]', want: 'invalid_request' },
    { name: 'a key twice', json: '{"role":"user","role":"user","content":"a"}', want: 'invalid_request' },
    { name: 'an unsafe key', json: '{"role":"user","content":"a","__proto__":{}}', want: 'invalid_request' },
    { name: 'too deep', json: '['.repeat(65), want: 'json_too_deep' },
    { name: 'an image', json: '{"type":"input_image"}', want: 'unsupported_modality' },
    { name: 'half a pair', json: '{"role":"user","content":"\\ud800"}', want: 'invalid_request' },
  ])('$name is left to the session layer, which refuses it', async ({ json, want }) => {
    const counted = await countedInput([long, item(json)]);
    expect(counted[1]).toEqual(item(json));
    expect(() => priceInput(counted, PRICE)).toThrow(expect.objectContaining({ code: want }));
  });
});

test('countedItems counts items whatever their length', async () => {
  const items = [{ kind: 'item' as const, json: user('Hi') }];
  expect(user('Hi').length).toBeLessThan(STEP_CHARACTERS);
  expect(priceInput(await countedItems(items), PRICE)).toBe(priceInput(items, PRICE));
  expect(await countedItems(items)).toMatchObject([{ tokens: expect.any(Number) }]);
});
