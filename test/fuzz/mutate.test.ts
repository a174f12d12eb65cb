import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import fc from 'fast-check';
import { Mutator, protobufFields } from './mutate.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe('protobufFields', () => {
  test.each([
    { name: 'nothing', hex: '', want: [] },
    {
      name: 'a varint, a text, a fixed32',
      hex: '0896010a026869150d000000',
      want: ['089601', '0a026869', '150d000000'],
    },
    { name: 'a length past the end takes what is there', hex: '0a7f41', want: ['0a7f41'] },
    { name: 'a group is one piece to the end', hex: '080113ffff', want: ['0801', '13ffff'] },
    { name: 'a varint without an end', hex: 'ffff', want: ['ffff'] },
  ])('$name', ({ hex, want }) => {
    expect(protobufFields(bytesOf(hex)).map((field) => Buffer.from(field).toString('hex'))).toEqual(want);
  });

  test('pieces of any bytes make up the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(Buffer.concat([...protobufFields(bytes)])).toEqual(Buffer.from(bytes));
      }),
    );
  });
});

describe('Mutator', () => {
  const run = (seed: number, input: Uint8Array, rounds: number): Uint8Array[] => {
    const mutator = new Mutator({ random: seededRandom(seed), dictionary: [bytesOf('beef')], bytesMax: 64 });
    return Array.from({ length: rounds }, () => mutator.mutate(input, bytesOf('01020304')));
  };

  test('keeps its bound and its input, whatever the input is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), (bytes, seed) => {
        const before = Uint8Array.from(bytes);
        for (const changed of run(seed, bytes, 20)) expect(changed.length).toBeLessThanOrEqual(64);
        expect(bytes).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });

  test('the same seed gives the same changes; they differ from the input and from each other', () => {
    const input = bytesOf('0a0568656c6c6f');
    const first = run(3, input, 200).map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(run(3, input, 200).map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(150);
    expect(first.some((hex) => hex.includes('beef'))).toBe(true);
  });
});
