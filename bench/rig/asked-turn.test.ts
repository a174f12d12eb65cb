import { describe, expect, test } from '@jest/globals';
import { askedOracle, createBody, questionOf, streamOfItem } from './asked-turn.ts';

describe('streamOfItem', () => {
  test.each([
    { json: JSON.stringify({ type: 'message', role: 'user', content: questionOf(17) }), want: 17 },
    { json: '{"type":"message","role":"user","content":"hello"}', want: undefined },
  ])('of $json is $want', ({ json, want }) => {
    expect(streamOfItem(json)).toBe(want);
  });
});

describe('createBody', () => {
  test('asks for the stream', () => {
    expect(createBody(3, 10)).toMatchObject({ input: questionOf(3), max_output_tokens: 10, stream: true });
  });
});

describe('askedOracle', () => {
  test('answers two streams differently, and one stream alike', () => {
    const texts = [askedOracle(1), askedOracle(2), askedOracle(1)].map((oracle) => Buffer.from(oracle.write(0, 4)));
    expect(texts[0]).not.toEqual(texts[1]);
    expect(texts[0]).toEqual(texts[2]);
  });
});
