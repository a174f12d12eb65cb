import { describe, expect, test } from '@jest/globals';
import { tokenise, tokeniseBytes } from '@reticle/core/domain/tokens';
import fc from 'fast-check';

import { decodeHashText, HASH_TOKEN_BYTES, turnTagOf } from './hash-content.ts';
import { turnContent, type TurnContentOptions } from './turn-content.ts';
import { writtenTokens } from './written-tokens.ts';

const VOCAB = 201_088;
const golden: TurnContentOptions = {
  mode: 'hash',
  modelDigest: `sha256:${'0'.repeat(64)}`,
  seed: 7,
  choice: 0,
  inputIds: tokenise('hello', VOCAB).ids,
  vocab: VOCAB,
};
const { content, key } = turnContent(golden);
const withCanary = turnContent({ ...golden, canary: 'abc234' }).content;

describe('hash content', () => {
  test.each([
    { from: 0, wantText: 'qptaaaa qptaaab qptaaac qptaaad ', wantIds: [39012, 178719, 89846, 29097] },
    { from: 1000, wantText: 'qptaa7i ', wantIds: [tokenise('qptaa7i ', VOCAB).ids[0]] },
    { from: 131_071, wantText: 'qptd777 ', wantIds: [tokenise('qptd777 ', VOCAB).ids[0]] },
    { from: 47, wantText: 'qptaabp qptaabqéqptaabrqptaabs ', wantIds: undefined },
    { from: 62, wantText: 'qptaab6 qptaab7 qptaaca ', wantIds: undefined },
  ])('is golden at offset $from', ({ from, wantText, wantIds }) => {
    const count = Buffer.from(wantText).length / HASH_TOKEN_BYTES;
    const written = writtenTokens(content, from, count);
    expect(Buffer.from(written.text).toString()).toBe(wantText);
    if (wantIds !== undefined) expect([...written.ids]).toEqual(wantIds);
  });

  test('has its golden leads and no other in the first 500', () => {
    const { text } = writtenTokens(content, 0, 500);
    const leads = Array.from({ length: 500 }, (_, k) => k).filter((k) => text[k * 8 + 7] === 0xc3);
    expect(leads).toEqual([48, 220, 396]);
  });

  test('echoes a canary at every 64th token and changes nothing else', () => {
    const plain = writtenTokens(content, 0, 640);
    const echoed = writtenTokens(withCanary, 0, 640);
    for (let k = 0; k < 640; k += 1) {
      const [own, other] = [plain, echoed].map(({ text }) =>
        Buffer.from(text.subarray(k * 8, k * 8 + 8)).toString('latin1'),
      );
      expect(other).toBe(k % 64 === 63 ? '~abc234 ' : own);
    }
  });

  test.each([
    { name: 'without canary', turn: content },
    { name: 'with canary', turn: withCanary },
  ])('a transcript of 5,000 tokens sent again has the same tokens and ids, $name', ({ turn }) => {
    const written = writtenTokens(turn, 0, 5000);
    const again = tokenise(Buffer.from(written.text).toString('utf8'), VOCAB);
    expect(Buffer.from(again.ids.buffer).equals(Buffer.from(written.ids.buffer))).toBe(true);
    expect(again.lengths.every((length) => length === HASH_TOKEN_BYTES)).toBe(true);
  });

  test('any slice of any turn tokenises to its own ids, a split é included', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 2 ** 20 }), fc.boolean(), (seed, from, canary) => {
        const turn = turnContent({ ...golden, seed, canary: canary ? 'zzz777' : undefined }).content;
        const written = writtenTokens(turn, from & ~1, 256);
        expect([...tokeniseBytes(written.text, VOCAB).ids]).toEqual([...written.ids]);
      }),
      { numRuns: 50 },
    );
  });

  test('splits an é in about one token of fifty', () => {
    const { text } = writtenTokens(content, 0, 100_000);
    let halves = 0;
    for (let k = 0; k < 100_000; k += 1) if (text[k * 8] === 0xa9 || text[k * 8 + 7] === 0xc3) halves += 1;
    expect(halves).toBeGreaterThan(1800);
    expect(halves).toBeLessThan(2200);
  });

  test('ids follow the vocabulary', () => {
    const small = turnContent({ ...golden, vocab: 1000 }).content;
    const written = writtenTokens(small, 0, 300);
    expect([...written.ids]).toEqual([...tokenise(Buffer.from(written.text).toString(), 1000).ids]);
  });

  test('is another turn for another input', () => {
    const other = turnContent({ ...golden, inputIds: tokenise('hallo', VOCAB).ids });
    expect(turnTagOf(other.key)).not.toBe(turnTagOf(key));
  });
});

describe('decodeHashText', () => {
  test('finds tag and offset of every token but the canaries', () => {
    const { text } = writtenTokens(withCanary, 0, 5000);
    for (let k = 0; k < 5000; k += 1) {
      const want =
        k % 64 === 63 ? { kind: 'canary', canary: 'abc234' } : { kind: 'word', turnTag: turnTagOf(key), offset: k };
      expect(decodeHashText(text, k * HASH_TOKEN_BYTES)).toEqual(want);
    }
  });

  test.each([
    { name: 'too little text', text: 'qptaaaa' },
    { name: 'a letter outside base32', text: 'qptaa1a ' },
    { name: 'no end', text: 'qptaaaab' },
    { name: 'a capital', text: 'Qptaaaa ' },
    { name: 'a broken canary', text: '~abc 34 ' },
    { name: 'a canary without its space', text: '~abc2345' },
  ])('finds nothing in $name', ({ text }) => {
    expect(decodeHashText(Buffer.from(text), 0)).toBeUndefined();
  });
});
