import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { encodeUtf8 } from './utf8.ts';

describe('encodeUtf8', () => {
  test.each([
    { name: 'nothing', text: '', want: [] },
    { name: 'the last character of each length', text: '\u007f\u07ff\uffff\u{10ffff}' },
    { name: 'a high surrogate at the end', text: 'a\ud83d', want: [0x61, 0xef, 0xbf, 0xbd] },
    { name: 'a low surrogate before a letter', text: '\ude00a', want: [0xef, 0xbf, 0xbd, 0x61] },
  ])('$name', ({ text, want }) => {
    const platform = [...new TextEncoder().encode(text)];
    expect([...encodeUtf8(text)]).toEqual(want ?? platform);
    expect(want ?? platform).toEqual(platform);
  });

  test('agrees with the platform on any UTF-16 units', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const text = String.fromCharCode(...units);
        expect([...encodeUtf8(text)]).toEqual([...new TextEncoder().encode(text)]);
      }),
      { numRuns: 300 },
    );
  });
});
