import { describe, expect, test } from '@jest/globals';
import { eachDelay, Stamps } from './stamps.ts';

function noted(rows: readonly (readonly [stream: number, end: number, micros: number])[]) {
  const stamps = new Stamps();
  stamps.begin();
  for (const [stream, end, micros] of rows) stamps.note(stream, end, micros);
  return stamps.take();
}

function delays(left: ReturnType<typeof noted>, came: ReturnType<typeof noted>): number[] {
  const all: number[] = [];
  eachDelay(left, came, (delay) => all.push(delay));
  return all;
}

describe('Stamps', () => {
  test('notes between begin and take', () => {
    const stamps = new Stamps();
    stamps.note(0, 1, 10);
    stamps.begin();
    stamps.note(0, 2, 20);
    const taken = stamps.take();
    stamps.note(0, 3, 30);
    expect([...(taken.get(0)?.ends ?? [])]).toEqual([2]);
    expect(stamps.take().size).toBe(0);
  });
});

describe('eachDelay', () => {
  const left = noted([
    [0, 10, 1_000],
    [0, 12, 3_000],
    [0, 13, 4_000],
    [1, 5, 9_000],
  ]);

  test.each([
    { name: 'a frame that ends with its row', came: [[0, 12, 3_100]], want: [100] },
    { name: 'a frame that ends inside a row', came: [[0, 11, 3_050]], want: [50] },
    { name: 'a frame of rows from before', came: [[0, 9, 900]], want: [] },
    { name: 'a frame behind the last row', came: [[0, 14, 900]], want: [] },
    { name: 'a stream that nobody sent', came: [[7, 10, 900]], want: [] },
    {
      name: 'several frames of two streams',
      came: [
        [0, 10, 1_100],
        [0, 13, 4_500],
        [1, 5, 9_010],
      ],
      want: [100, 500, 10],
    },
  ])('joins $name', ({ came, want }) => {
    expect(delays(left, noted(came as [number, number, number][]))).toEqual(want);
  });
});
