import { createHash } from 'node:crypto';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { ContextHash, oracleKey, oracleMix } from './oracle-key.ts';

const golden = {
  modelDigest: `sha256:${'0'.repeat(64)}`,
  seed: 7,
  choice: 0,
  context: new ContextHash().update(Uint32Array.of(16486, 22558)),
};

describe('oracleKey', () => {
  test('is the golden key of WAFER §6.2', () => {
    const key = oracleKey(golden);
    expect(key).toEqual({ a: 597279219, b: 1693943036, lengthByte: expect.any(Number) });
    expect(key.lengthByte >> 4).toBe(13);
    expect(oracleMix(key, 0)).toBe(879220969);
  });

  test.each([
    { name: 'digest', change: { modelDigest: `sha256:${'1'.repeat(64)}` } },
    { name: 'seed', change: { seed: 8 } },
    { name: 'choice', change: { choice: 1 } },
    { name: 'context', change: { context: new ContextHash().update(Uint32Array.of(16486, 22559)) } },
    { name: 'a longer context', change: { context: new ContextHash().update(Uint32Array.of(16486, 22558, 0)) } },
    { name: 'an empty context', change: { context: new ContextHash() } },
  ])('is another one for another $name', ({ change }) => {
    expect(oracleKey({ ...golden, ...change })).not.toEqual(oracleKey(golden));
  });

  test('keeps seeds apart up to the largest that the wire carries', () => {
    const largest = oracleKey({ ...golden, seed: Number.MAX_SAFE_INTEGER });
    expect(largest).not.toEqual(oracleKey({ ...golden, seed: Number.MAX_SAFE_INTEGER - 1 }));
  });
});

describe('ContextHash', () => {
  test('hashes ids as little-endian words, however they are split', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat({ max: 0xffff_ffff }))), (parts) => {
        const hash = new ContextHash();
        for (const part of parts) hash.update(Uint32Array.from(part));
        const bytes = Buffer.alloc(parts.flat().length * 4);
        for (const [index, id] of parts.flat().entries()) bytes.writeUInt32LE(id, index * 4);
        expect(Buffer.from(hash.digest()).equals(createHash('sha256').update(bytes).digest())).toBe(true);
      }),
    );
  });

  test('reads only the part of a buffer that it is given', () => {
    const whole = Uint32Array.of(1, 2, 3, 4);
    const part = new ContextHash().update(whole.subarray(1, 3)).digest();
    expect(part).toEqual(new ContextHash().update(Uint32Array.of(2, 3)).digest());
  });

  test('branches: a copy and its origin grow apart', () => {
    const trunk = new ContextHash().update(Uint32Array.of(1));
    const before = trunk.digest();
    const branch = trunk.copy().update(Uint32Array.of(2));
    expect(trunk.digest()).toEqual(before);
    expect(trunk.update(Uint32Array.of(2)).digest()).toEqual(branch.digest());
  });
});
