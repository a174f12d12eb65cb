import { describe, expect, test } from '@jest/globals';
import { priceInput, toolsItem } from '@reticle/services/session';
import { STEP_CHARACTERS } from '../loop-turns.ts';
import { counted, isLong } from './counted.ts';
import { itemInput } from './decode-input.ts';
import { profile } from './openai-kit.ts';
import { UNKNOWN_REQUEST } from './taken-response.ts';
import type { CreateResponse } from './create-response.ts';

const PRICE = { afterOutput: false, opensAnswer: true, param: 'input' };
const user = (content: string): object => ({ type: 'message', role: 'user', content });

function create(items: readonly object[], tools?: string): CreateResponse {
  const params = { stop: [], ...(tools === undefined ? {} : { tools }) };
  return { ...UNKNOWN_REQUEST, model: 'm', items: items.map(itemInput), params, echo: profile };
}

/** Runs in every turn of the loop while `work` goes on; how often. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function look() {
    turns += 1;
    next = setImmediate(look);
  });
  await work;
  clearImmediate(next);
  return turns;
}

describe('counted', () => {
  test('a short request is left as it is', async () => {
    const asked = create([user('Hi')], '[]');
    expect(await counted(asked)).toBe(asked);
  });

  test.each([
    { name: 'one letter', content: 'a'.repeat(600_000) },
    { name: 'white space', content: ' \n\t'.repeat(200_000) },
    { name: 'emoji', content: '😀'.repeat(300_000) },
    { name: 'hash words', content: 'abcdefgé'.repeat(75_000) },
    { name: 'quotation marks', content: '"\\'.repeat(300_000) },
  ])('$name: what the session layer would count, in steps', async ({ content }) => {
    const asked = create([user('Hi'), user(content)]);
    let told = asked;
    const turns = await turnsDuring(counted(asked).then((done) => (told = done)));
    expect(turns).toBeGreaterThanOrEqual(Math.floor(content.length / STEP_CHARACTERS));
    expect(told.items.map(({ json }) => json)).toEqual(asked.items.map(({ json }) => json));
    expect(told.items.every(({ tokens }) => tokens !== undefined)).toBe(true);
    expect(priceInput(told.items, PRICE)).toBe(priceInput(asked.items, PRICE));
  });

  test.each([
    { name: 'many items', items: Array.from({ length: 4_096 }, (_, index) => user(`item ${index} `.repeat(20))) },
    {
      name: 'many parts',
      items: [
        {
          type: 'message',
          role: 'user',
          content: Array(20_000).fill({ type: 'input_text', text: 'abcdef' }) as object[],
        },
      ],
    },
  ])('$name', async ({ items }) => {
    const asked = create(items);
    let told = asked;
    expect(await turnsDuring(counted(asked).then((done) => (told = done)))).toBeGreaterThanOrEqual(3);
    expect(priceInput(told.items, PRICE)).toBe(priceInput(asked.items, PRICE));
  });

  test('tools are counted as the item that tells them', async () => {
    const tools = JSON.stringify([{ description: 'a b '.repeat(50_000), name: 'f', type: 'function' }]);
    const { params, items } = await counted(create([user('Hi')], tools));
    expect(params.toolsTokens).toBe(
      priceInput([toolsItem(tools)], { afterOutput: false, opensAnswer: false, param: 'input' }),
    );
    expect(items).toMatchObject([{ tokens: expect.any(Number) }]);
  });

  test('what cannot be read is left to be refused', async () => {
    const asked = create([user('a'.repeat(STEP_CHARACTERS)), user('\ud800'), { type: 'reminder' }]);
    const { items } = await counted(asked);
    expect(items.map(({ tokens }) => tokens === undefined)).toEqual([false, true, true]);
    expect(() => priceInput(items, PRICE)).toThrow(expect.objectContaining({ param: 'input[1].item_json.content' }));
  });

  test('is long with items and tools together', () => {
    const half = 'a'.repeat(STEP_CHARACTERS / 2);
    expect(isLong(create([user(half)]))).toBe(false);
    expect(isLong(create([user(half)], half))).toBe(true);
  });
});
