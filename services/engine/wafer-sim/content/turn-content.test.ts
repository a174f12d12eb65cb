import { describe, expect, test } from '@jest/globals';
import { tokenise } from '@reticle/core/domain/tokens';
import fc from 'fast-check';

import { ContextHash } from './oracle-key.ts';
import type { TokenWrite } from './token-write.ts';
import { turnContent, verifyPrefix, type TurnContentOptions } from './turn-content.ts';
import { writtenTokens } from './written-tokens.ts';

const VOCAB = 201_088;
const inputIds = tokenise('user\nDraw a map of rivers\nassistant\n', VOCAB).ids;
const common = { modelDigest: 'sha256:ab', seed: 3, choice: 0, inputIds, vocab: VOCAB };
/** Some 1,000 tokens and more, with keys that the tokeniser splits inside a character. */
const LONG_SCHEMA = JSON.stringify({
  type: 'json_schema',
  schema: {
    type: 'array',
    minItems: 60,
    items: {
      properties: { 'abcdefgéhijklmn ': { type: 'string' }, n: { type: 'number' } },
      required: ['abcdefgéhijklmn '],
    },
  },
});
const turns: readonly { readonly name: string; readonly options: TurnContentOptions }[] = [
  { name: 'hash', options: { ...common, mode: 'hash' } },
  { name: 'hash with a canary', options: { ...common, mode: 'hash', canary: 'abc234' } },
  { name: 'code', options: { ...common, mode: 'code', lastUserText: 'Draw a map of rivers' } },
  { name: 'hash under a schema', options: { ...common, mode: 'hash', textFormat: LONG_SCHEMA } },
];
const TOKENS = 4000;

describe.each(turns)('turn content in mode $name', ({ options }) => {
  const whole = writtenTokens(turnContent(options).content, 0, TOKENS);
  const textStarts = [0];
  for (const length of whole.lengths) textStarts.push((textStarts.at(-1) ?? 0) + length);

  test('is the same from any start offset, in any order', () => {
    const { content } = turnContent(options);
    const slice = fc.tuple(fc.nat({ max: TOKENS - 1 }), fc.nat({ max: 300 }));
    fc.assert(
      fc.property(fc.array(slice, { maxLength: 4 }), (slices) => {
        for (const [from, count] of slices) {
          const to = Math.min(TOKENS, from + count);
          const part = writtenTokens(content, from, to - from);
          expect(part.ids).toEqual(whole.ids.slice(from, to));
          expect(part.lengths).toEqual(whole.lengths.slice(from, to));
          expect(part.text).toEqual(whole.text.slice(textStarts[from], textStarts[to]));
        }
      }),
      { numRuns: 40 },
    );
  });

  test('is the same in any split, written into one set of shared buffers', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2000 }),
        fc.array(fc.integer({ min: 0, max: 64 }), { maxLength: 30 }),
        (from, counts) => {
          const { content } = turnContent(options);
          const total = counts.reduce((sum, count) => sum + count, 0);
          const write: TokenWrite = {
            from,
            count: 0,
            ids: new Uint32Array(total + 2).fill(7),
            idsAt: 1,
            lengths: new Uint32Array(total + 4).fill(7),
            lengthsAt: 2,
            text: new Uint8Array(total * content.tokenBytesMax + 6).fill(7),
            textAt: 3,
          };
          for (const count of counts) {
            write.count = count;
            write.textAt += content.write(write);
            write.from += count;
            write.idsAt += count;
            write.lengthsAt += count;
          }
          const textSize = (textStarts[from + total] ?? 0) - (textStarts[from] ?? 0);
          expect(write.textAt).toBe(3 + textSize);
          expect([...write.ids]).toEqual([7, ...whole.ids.slice(from, from + total), 7]);
          expect([...write.lengths]).toEqual([7, 7, ...whole.lengths.slice(from, from + total), 7, 7]);
          expect(write.text.slice(3, write.textAt)).toEqual(
            whole.text.slice(textStarts[from], textStarts[from + total]),
          );
          expect([...write.text.slice(0, 3), ...write.text.slice(write.textAt)].every((byte) => byte === 7)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('is the same on a replica that has only a running hash of the context', () => {
    const running = new ContextHash().update(inputIds.subarray(0, 5)).copy().update(inputIds.subarray(5));
    const replica = turnContent({ ...options, inputIds: running });
    expect(replica.key).toEqual(turnContent(options).key);
    expect(writtenTokens(replica.content, 0, TOKENS)).toEqual(whole);
  });

  test.each([0, 1, 255, 256, 257, 1000, TOKENS])('accepts its own prefix of %d tokens', (count) => {
    expect(verifyPrefix(turnContent(options).content, whole.ids.slice(0, count))).toBe(-1);
  });

  test.each([0, 255, 256, 700, 999])('finds the token at %d that is not its own', (offset) => {
    const ids = whole.ids.slice(0, 1000);
    ids[offset] = ((ids[offset] ?? 0) + 1) % VOCAB;
    if (offset < 900) ids[offset + 50] = 0;
    expect(verifyPrefix(turnContent(options).content, ids)).toBe(offset);
  });

  test('refuses the prefix of another turn', () => {
    const other = writtenTokens(turnContent({ ...options, seed: 4 }).content, 0, 500);
    expect(verifyPrefix(turnContent(options).content, other.ids)).toBeGreaterThanOrEqual(0);
  });
});
