import { describe, expect, test } from '@jest/globals';
import { type Border, Http2Borders, messageFrame } from './http2-borders.ts';

type FrameParts = {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload: Buffer;
};

function frame({ type, flags = 0, stream = 1, payload }: FrameParts): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const settings = frame({ type: 4, stream: 0, payload: Buffer.alloc(0) });
const message = messageFrame(7, Buffer.from('hello'));
const part = frame({ type: 0, stream: 7, payload: Buffer.from([0, 0, 0, 0, 99, 1, 2]) });
const short = frame({ type: 0, stream: 7, payload: Buffer.from([3]) });
const last = frame({ type: 0, flags: 1, stream: 7, payload: message.subarray(9) });

describe('Http2Borders', () => {
  test.each([
    { name: 'an empty frame', bytes: settings, want: [{ at: 9, stream: undefined }] },
    { name: 'a whole message', bytes: message, want: [{ at: 19, stream: 7 }] },
    { name: 'a part of a message', bytes: part, want: [{ at: 16, stream: undefined }] },
    { name: 'the rest of a message', bytes: short, want: [{ at: 10, stream: undefined }] },
    { name: 'the last message of its stream', bytes: last, want: [{ at: 19, stream: undefined }] },
    {
      name: 'the preface and a frame',
      bytes: Buffer.concat([preface, settings]),
      want: [{ at: 33, stream: undefined }],
    },
    { name: 'half a header', bytes: message.subarray(0, 6), want: [] },
  ])('$name', ({ bytes, want }) => {
    expect(new Http2Borders().read(bytes)).toEqual(want);
  });

  test('are the same in any pieces', () => {
    const bytes = Buffer.concat([preface, settings, message, part, short, message, last]);
    const want = new Http2Borders().read(bytes);
    expect(want.map(({ stream }) => stream)).toEqual([undefined, 7, undefined, undefined, 7, undefined]);
    for (let size = 1; size < bytes.length; size += 1) {
      const borders = new Http2Borders();
      const found: Border[] = [];
      for (let from = 0; from < bytes.length; from += size) {
        const read = borders.read(bytes.subarray(from, from + size));
        found.push(...read.map(({ at, stream }) => ({ at: from + at, stream })));
      }
      expect(found).toEqual(want);
    }
  });
});
