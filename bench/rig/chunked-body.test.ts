import { describe, expect, test } from '@jest/globals';
import { ChunkedBody } from './chunked-body.ts';

const BODY = Buffer.from('5\r\nhello\r\nC\r\n, chunked wo\r\n3\r\nrld\r\n0\r\n\r\nHTTP/1.1 200');

/** The body's text when its bytes come in pieces of the given size, and where it ended. */
function read(pieceBytes: number): { text: string; end: number; over: boolean } {
  const body = new ChunkedBody();
  let text = '';
  let end = 0;
  for (let from = 0; from < BODY.length && !body.over; from += pieceBytes) {
    const to = Math.min(BODY.length, from + pieceBytes);
    end = body.take(BODY, from, to, (at, behind) => (text += BODY.toString('latin1', at, behind)));
  }
  return { text, end, over: body.over };
}

describe('ChunkedBody', () => {
  test.each([1, 2, 3, 7, 1_000])('is the same in pieces of %d bytes', (pieceBytes) => {
    expect(read(pieceBytes)).toEqual({ text: 'hello, chunked world', end: BODY.indexOf('HTTP'), over: true });
  });

  test('is not over before its last chunk', () => {
    const body = new ChunkedBody();
    body.take(BODY, 0, 10, () => {});
    expect(body.over).toBe(false);
  });

  test('refuses what is no size', () => {
    expect(() => new ChunkedBody().take(Buffer.from('x\r\n'), 0, 3, () => {})).toThrow(RangeError);
  });
});
