import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MessageSplitter } from './grpc-connection.ts';

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function split(bytes: Buffer, cuts: readonly number[]): string[] {
  const seen: string[] = [];
  const splitter = new MessageSplitter((message) => seen.push(Buffer.from(message).toString('hex')));
  const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
  for (let index = 1; index < places.length; index += 1) {
    splitter.take(Buffer.from(bytes.subarray(places[index - 1], places[index])));
  }
  return seen;
}

describe('MessageSplitter', () => {
  test('finds the same messages wherever chunks end', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat({ max: 3000 }), { maxLength: 8 }), (sent, cuts) => {
        const want = sent.map((message) => Buffer.from(message).toString('hex'));
        expect(split(Buffer.concat(sent.map(framed)), cuts)).toEqual(want);
      }),
    );
  });

  test('keeps a message that has not ended', () => {
    expect(split(framed(new Uint8Array(10)).subarray(0, 14), [])).toEqual([]);
  });
});
