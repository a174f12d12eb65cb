import { describe, expect, test } from '@jest/globals';
import { countTokens } from '@reticle/core/domain/tokens';
import { withCanonicalTools } from './check-params.ts';
import type { TurnInput } from './commands.ts';
import { priceInput } from './price-input.ts';
import { remoteStart } from './tools-head.ts';

const PLAIN = { afterOutput: false, opensAnswer: false, param: 'input' };
const item: TurnInput = { kind: 'item', json: '{"type":"message","role":"user","content":"Hi there"}' };

describe('priceInput', () => {
  test('an item costs its tokens as the model reads it', () => {
    expect(priceInput([item], PLAIN)).toBe(countTokens('user\nHi there\n'));
  });

  test('an item that was counted before costs that, and is not read', () => {
    const known: TurnInput = { kind: 'item', json: 'read elsewhere', tokens: 70 };
    const glue = countTokens('\n') + countTokens('assistant\n');
    expect(priceInput([known], PLAIN)).toBe(70);
    expect(priceInput([known, item], { ...PLAIN, afterOutput: true, opensAnswer: true })).toBe(
      70 + countTokens('user\nHi there\n') + glue,
    );
  });

  test('one that was not is refused by its place', () => {
    const asked = [
      { kind: 'item', json: '{}', tokens: 1 },
      { kind: 'item', json: '{}' },
    ] as const;
    expect(() => priceInput(asked, PLAIN)).toThrow(expect.objectContaining({ param: 'input[1].item_json.role' }));
  });
});

describe('tools that were counted before', () => {
  const params = { stop: [], tools: '[{"name":"f","type":"custom"}]', toolsTokens: 12 };

  test('are taken as they are', () => {
    expect(withCanonicalTools(params)).toBe(params);
  });

  test('cost that at the head of an input', () => {
    const start = { turnId: 't', parentTurnId: '', input: [item], params, prefillOnly: false, bodyDigest: '' };
    const { input } = remoteStart(start);
    expect(input).toMatchObject([{ tokens: 12 }, item]);
    expect(priceInput(input, { ...PLAIN, headItems: 1 })).toBe(12 + countTokens('user\nHi there\n'));
  });
});
