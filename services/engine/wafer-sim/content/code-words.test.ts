import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { identifierWords } from './code-words.ts';

/** Any character. As `unit: 'binary'` of fast-check, which first makes a table of all 1.1 million. */
const character = fc
  .nat({ max: 0x10_ffff })
  .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
  .map(
    (codePoint) => String.fromCodePoint(codePoint),
    (text) => (text as string).codePointAt(0) ?? -1,
  );

describe('identifierWords', () => {
  test.each([
    { name: 'no message', message: undefined, want: ['order', 'sensor', 'ticket'] },
    {
      name: 'only request words',
      message: 'Please write me some TypeScript code',
      want: ['order', 'sensor', 'ticket'],
    },
    { name: 'a request', message: 'Write a rate limiter for users, in TypeScript.', want: ['rate', 'limiter', 'user'] },
    {
      name: 'plurals',
      message: 'entities boxes buses status address',
      want: ['entity', 'boxe', 'buse', 'status', 'address'],
    },
    {
      name: 'names from code',
      message: 'rename `userSession` to HTTPSocket',
      want: ['rename', 'user', 'session', 'httpsocket'],
    },
    { name: 'accents', message: 'Zähle Wörter später', want: ['zahle', 'worter', 'spater'] },
    { name: 'another script', message: '日本語の質問', want: ['order', 'sensor', 'ticket'] },
    {
      name: 'words that are too long or short',
      message: `go ${'x'.repeat(17)} tree`,
      want: ['tree', 'order', 'sensor'],
    },
    {
      name: 'more words than it takes',
      message: 'ant bee cat dog elk fox gnu hen ibis',
      want: ['ant', 'bee', 'cat', 'dog', 'elk', 'fox', 'gnu', 'hen'],
    },
    {
      name: 'a word past the part that is read',
      message: `${' '.repeat(4096)}tree`,
      want: ['order', 'sensor', 'ticket'],
    },
  ])('of $name', ({ message, want }) => {
    expect(identifierWords(message)).toEqual(want);
  });

  test('are three to eight distinct plain words, whatever the message', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: character }), fc.lorem(), fc.json()), (message) => {
        const words = identifierWords(message);
        expect(words.length).toBeGreaterThanOrEqual(3);
        expect(words.length).toBeLessThanOrEqual(8);
        expect(new Set(words).size).toBe(words.length);
        for (const word of words) expect(word).toMatch(/^[a-z]{3,16}$/);
      }),
    );
  });
});
