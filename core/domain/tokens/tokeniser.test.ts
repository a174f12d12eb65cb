import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { countTokens } from './token-counter.ts';
import { TOKEN_BYTES_MAX, tokenise, tokeniseBytes } from './tokeniser.ts';
import { encodeUtf8 } from './utf8.ts';

const VOCAB = 201_088;

/** WAFER §6.2 as one expression over bytes (one character per byte): slow and plain, to compare with. */
const rules = new RegExp(
  [
    '[a-z2-7]{7}\\xc3(?=\\xa9[a-z2-7]{7})',
    '\\xa9[a-z2-7]{7}',
    '[a-z2-7]{7} ',
    '~[a-z2-7]{6} ',
    '[A-Za-z0-9_]{1,4} ?',
    ' {1,8}',
    '[\\xf0-\\xff][\\x80-\\xbf]{0,3}',
    '[\\xe0-\\xef][\\x80-\\xbf]{0,2}',
    '[\\xc0-\\xdf][\\x80-\\xbf]?',
    '[^]',
  ].join('|'),
  'g',
);

/** Any character. As `unit: 'binary'` of fast-check, which first makes a table of all 1.1 million. */
const character = fc
  .nat({ max: 0x10_ffff })
  .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
  .map(
    (codePoint) => String.fromCodePoint(codePoint),
    (text) => (text as string).codePointAt(0) ?? -1,
  );

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** The texts of a text's tokens, each byte as one character. */
function pieces(text: string): readonly string[] {
  const bytes = encodeUtf8(text);
  let at = 0;
  return [...tokenise(text, VOCAB).lengths].map((length) => binary(bytes.subarray(at, (at += length))));
}

function fnv(token: string): number {
  let hash = 0x811c9dc5n;
  for (const byte of Buffer.from(token, 'latin1')) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn;
  return Number(hash % BigInt(VOCAB));
}

describe('tokenise', () => {
  test('gives the golden ids of "hello"', () => {
    expect([...tokenise('hello', VOCAB).ids]).toEqual([16486, 22558]);
    expect([...tokenise('qptaaaa qptaaab ', VOCAB).ids]).toEqual([39012, 178719]);
  });

  test.each([
    { name: 'nothing', text: '', want: [] },
    { name: 'a word in fours', text: 'hello world', want: ['hell', 'o ', 'worl', 'd'] },
    { name: 'a hash word only with its space', text: 'abcdef2 abcdef2', want: ['abcdef2 ', 'abcd', 'ef2'] },
    { name: 'no hash word with a digit outside base32', text: 'abcdef1 ', want: ['abcd', 'ef1 '] },
    { name: 'no hash word with a capital', text: 'Abcdefg ', want: ['Abcd', 'efg '] },
    { name: 'eight letters are no hash word', text: 'abcdefgh ', want: ['abcd', 'efgh '] },
    { name: 'two hash words that share an é', text: 'abcdefgéhijklmn ', want: ['abcdefg\xc3', '\xa9hijklmn', ' '] },
    {
      name: 'three words, of which the second takes the é',
      text: 'abcdefgéhijklmnopqrstu ',
      want: ['abcdefg\xc3', '\xa9hijklmn', 'opqrstu '],
    },
    {
      name: 'an é with six letters after it',
      text: 'abcdefgéhijklm ',
      want: ['abcd', 'efg', '\xc3\xa9', 'hijk', 'lm '],
    },
    {
      name: 'an é with six letters before it',
      text: 'abcdeféghijklm',
      want: ['abcd', 'ef', '\xc3\xa9', 'ghij', 'klm'],
    },
    {
      name: 'another letter that starts with C3',
      text: 'abcdefgèhijklmn',
      want: ['abcd', 'efg', '\xc3\xa8', 'hijk', 'lmn'],
    },
    { name: 'a canary word', text: '~abc234 ~abc234', want: ['~abc234 ', '~', 'abc2', '34'] },
    { name: 'spaces in eights', text: `a${' '.repeat(11)}b`, want: ['a ', ' '.repeat(8), '  ', 'b'] },
    { name: 'each newline alone', text: '\n\r\n', want: ['\n', '\r', '\n'] },
    { name: 'code points whole', text: '€😀\u202e', want: ['\xe2\x82\xac', '\xf0\x9f\x98\x80', '\xe2\x80\xae'] },
    { name: 'special tokens as plain data', text: '<|im_start|>', want: ['<', '|', 'im_s', 'tart', '|', '>'] },
  ])('splits $name', ({ text, want }) => {
    expect(pieces(text)).toEqual(want);
  });

  test('agrees with the rules written as one expression, on any bytes', () => {
    const byte = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'z', '2', '7') },
      { weight: 2, arbitrary: fc.constantFrom(' ', '~', '\n', '_', 'Q', '0') },
      { weight: 2, arbitrary: fc.constantFrom('\xc3\xa9', '\xc3', '\xa9', '\xf0\x9f\x98\x80', '\xff') },
    );
    const word = fc.oneof(byte, fc.stringMatching(/^[a-z2-7]{7}$/), fc.stringMatching(/^[a-z2-7]{7} $/));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        const want = text.match(rules) ?? [];
        const { ids, lengths } = tokeniseBytes(Buffer.from(text, 'latin1'), VOCAB);
        expect([...lengths]).toEqual(want.map((token) => token.length));
        expect([...ids]).toEqual(want.map(fnv));
      }),
      { numRuns: 1000 },
    );
  });

  test('covers every byte with tokens of at most eight, and counts what it splits', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 200 }), (text) => {
        const { ids, lengths } = tokenise(text, VOCAB);
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(encodeUtf8(text).length);
        expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(TOKEN_BYTES_MAX);
        expect(countTokens(text)).toBe(ids.length);
      }),
      { numRuns: 60 },
    );
  });

  test('is the same when a text is cut after a newline', () => {
    const line = fc.stringMatching(/^[a-z2-7é~ ]{0,20}$/);
    fc.assert(
      fc.property(line, line, (first, second) => {
        const apart = [...tokenise(`${first}\n`, VOCAB).ids, ...tokenise(second, VOCAB).ids];
        expect([...tokenise(`${first}\n${second}`, VOCAB).ids]).toEqual(apart);
      }),
    );
  });

  test.each(['a', 'é', ' ', '~', 'a2b3c4d', 'a2b3c4dé'])('takes a megabyte of %j', (unit) => {
    const text = unit.repeat(Math.floor(1e6 / unit.length));
    expect(tokenise(text, VOCAB).ids.length).toBe(countTokens(text));
  });

  test.each([0, -1, 1.5, 2 ** 32])('refuses a vocabulary of %d as a defect', (vocab) => {
    expect(() => tokenise('a', vocab)).toThrow('vocabulary');
  });
});
