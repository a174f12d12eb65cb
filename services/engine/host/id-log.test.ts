import { describe, expect, test } from '@jest/globals';
import { IdLog } from './id-log.ts';

describe('IdLog', () => {
  test('holds what was forced and every row behind it, and hands out any part', () => {
    const log = new IdLog([7, 8]);
    const want = [7, 8];
    for (let row = 0; row < 100; row++) {
      const ids = Uint32Array.from({ length: 5 }, (_, at) => row * 10 + at);
      log.append(ids, 1, 3);
      want.push(...ids.slice(1, 4));
    }
    expect(log.length).toBe(302);
    expect(log.slice(0, 302)).toEqual(want);
    expect([log.slice(100, 103), log.slice(301, 999), log.slice(302, 310)]).toEqual([
      want.slice(100, 103),
      want.slice(301),
      [],
    ]);
  });

  test('a closed log keeps what lies below the end and no spare memory', () => {
    const log = new IdLog([]);
    log.append(
      Uint32Array.from({ length: 500 }, (_, at) => at),
      0,
      500,
    );
    log.close(20);
    expect([log.length, log.byteLength, log.slice(18, 30)]).toEqual([20, 80, [18, 19]]);
  });
});
