import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '../contract/index.ts';
import {
  encodeHead,
  encodeRequest,
  readHead,
  readRequest,
  SnapshotAssembly,
  snapshotDigest,
  snapshotParts,
} from './parts.ts';

const NONE = { term: 0, seq: 0 };
const name = (seq: number, cell = 'us-east') => ({ cell, term: 1, seq });
const body = (size: number, fill = 7): Uint8Array => new Uint8Array(size).fill(fill);
const BUS_BYTES_MAX = 64 * 1024;
const THREE = 2 * limits.snapshotPartBytesMax + 1;

describe('snapshotParts and SnapshotAssembly', () => {
  test('parts keep within a message of the bus, and come together in any order with repeats', () => {
    const whole = body(THREE);
    const parts = snapshotParts(whole, name(1));
    expect(parts).toHaveLength(3);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(BUS_BYTES_MAX);
    const order = fc.shuffledSubarray([0, 1, 2, 0, 1, 2], { minLength: 6 });
    fc.assert(
      fc.property(order, (indexes) => {
        const assembly = new SnapshotAssembly('us-east');
        const made = indexes.flatMap((index) => assembly.take(parts[index] as Uint8Array, NONE) ?? []);
        expect(made[0]).toEqual(Buffer.from(whole));
      }),
      { numRuns: 20 },
    );
  });

  test('a lost part leaves nothing, and a later snapshot takes its place', () => {
    const assembly = new SnapshotAssembly('us-east');
    const [first, second] = [snapshotParts(body(THREE), name(1)), snapshotParts(body(10, 9), name(2))];
    expect(assembly.take(first[0] as Uint8Array, NONE)).toBeUndefined();
    expect(assembly.take(second[0] as Uint8Array, NONE)).toEqual(Buffer.from(body(10, 9)));
    // What is left of the earlier one is below what is in force.
    expect(first.slice(1).map((part) => assembly.take(part, { term: 1, seq: 2 }))).toEqual([undefined, undefined]);
  });

  test('parts of two bodies under one number never mix', () => {
    const assembly = new SnapshotAssembly('us-east');
    const [one, other] = [snapshotParts(body(THREE, 1), name(1)), snapshotParts(body(THREE, 2), name(1))];
    assembly.take(one[0] as Uint8Array, NONE);
    assembly.take(other[1] as Uint8Array, NONE);
    expect(assembly.take(one[2] as Uint8Array, NONE)).toBeUndefined();
    expect(assembly.refused).toBe(0);
  });

  test.each([
    { name: 'bytes that are none', part: body(9, 255) },
    { name: 'a part of another cell', part: snapshotParts(body(3), name(1, 'eu'))[0] as Uint8Array },
  ])('counts $name, and goes on', ({ part }) => {
    const assembly = new SnapshotAssembly('us-east');
    expect(assembly.take(part, NONE)).toBeUndefined();
    expect(assembly.refused).toBe(1);
    expect(assembly.take(snapshotParts(body(3), name(1))[0] as Uint8Array, NONE)).toEqual(Buffer.from(body(3)));
  });

  test('a body that its digest does not name is refused', () => {
    const assembly = new SnapshotAssembly('us-east');
    const [part] = snapshotParts(body(64, 65), name(1));
    const damaged = Buffer.from(part as Uint8Array);
    damaged[damaged.length - 1] = 66;
    expect([assembly.take(damaged, NONE), assembly.refused]).toEqual([undefined, 1]);
  });
});

test('heads and requests go both ways, and foreign bytes are neither', () => {
  const digest = snapshotDigest(body(3));
  expect(readHead(encodeHead(name(4), digest))).toMatchObject({ ...name(4), digest });
  expect(readHead(encodeHead(name(4), digest.subarray(1)))).toBeUndefined();
  expect(readRequest(encodeRequest({ term: 2, seq: 5 }))).toEqual({ term: 2, seq: 5 });
  expect([readHead(body(9, 255)), readRequest(body(9, 255))]).toEqual([undefined, undefined]);
});
