import { describe, expect, test } from '@jest/globals';
import { messageCodec } from '@reticle/proto/load';
import type { ConverseResponse, ConverseResponse__Input } from '@reticle/proto/gen/session/v1/ConverseResponse';
import fc from 'fast-check';
import { TokenFrameReader } from './token-frame-reader.ts';

const codec = messageCodec<ConverseResponse__Input, ConverseResponse>('reticle.session.v1.ConverseResponse');
const uint32 = fc.nat({ max: 0xffff_ffff });

describe('TokenFrameReader', () => {
  test('reads what protobufjs writes', () => {
    const frame = fc.record({
      turnId: fc.string({ maxLength: 20 }),
      firstOffset: uint32,
      tokenCount: uint32,
      tokenIds: fc.array(uint32, { maxLength: 5 }),
      text: fc.uint8Array({ maxLength: 200 }),
      textLengths: fc.array(uint32, { maxLength: 5 }),
      itemIndex: uint32,
      engineMicros: uint32,
    });
    const reader = new TokenFrameReader();
    fc.assert(
      fc.property(frame, (tokenFrame) => {
        const bytes = codec.encode({ tokenFrame: { ...tokenFrame, text: Buffer.from(tokenFrame.text) } });
        expect(reader.read(bytes)).toBe(true);
        const { firstOffset, tokenCount, engineMicros, textStart, textEnd } = reader;
        expect({ firstOffset, tokenCount, engineMicros }).toEqual({
          firstOffset: tokenFrame.firstOffset,
          tokenCount: tokenFrame.tokenCount,
          engineMicros: tokenFrame.engineMicros,
        });
        expect([...bytes.subarray(textStart, textEnd)]).toEqual([...tokenFrame.text]);
      }),
    );
  });

  test('leaves other messages alone', () => {
    expect(new TokenFrameReader().read(codec.encode({ turnEnded: { turnId: 'a' } }))).toBe(false);
  });

  test('refuses a frame that is cut off', () => {
    const bytes = codec.encode({ tokenFrame: { turnId: 'abc', firstOffset: 300, tokenCount: 3 } });
    expect(() => new TokenFrameReader().read(bytes.subarray(0, -1))).toThrow(RangeError);
  });
});
