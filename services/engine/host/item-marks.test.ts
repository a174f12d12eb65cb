import { describe, expect, test } from '@jest/globals';
import { ItemMarks } from './item-marks.ts';

/** Reasoning [0, 4), message [4, 9), then a message that stays open from 9. */
function threeItems(): ItemMarks {
  const marks = new ItemMarks();
  const names = { itemId: '', callId: '', toolName: '' };
  marks.add({ itemIndex: 0, kind: 'reasoning', atOffset: 0, closed: false, ...names });
  marks.add({ itemIndex: 0, kind: 'reasoning', atOffset: 4, closed: true, ...names });
  marks.add({ itemIndex: 1, kind: 'message', atOffset: 4, closed: false, ...names });
  marks.add({ itemIndex: 1, kind: 'message', atOffset: 9, closed: true, ...names });
  marks.add({ itemIndex: 2, kind: 'message', atOffset: 9, closed: false, ...names });
  return marks;
}

function tell(marks: ItemMarks, sent: number): string[] {
  const told: string[] = [];
  for (let mark = marks.next(sent); mark !== undefined; mark = marks.next(sent)) {
    told.push(`${mark.itemIndex}${mark.closed ? ')' : '('}`);
    marks.told();
  }
  return told;
}

describe('ItemMarks', () => {
  test.each([
    { end: 0, want: undefined },
    { end: 1, want: 0 },
    { end: 4, want: undefined },
    { end: 5, want: 1 },
    { end: 9, want: undefined },
    { end: 10, want: 2 },
  ])('behind $end tokens the open item is $want', ({ end, want }) => {
    expect(threeItems().openAt(end)?.itemIndex).toBe(want);
  });

  test('an item opens with its first token and closes with its last', () => {
    const marks = threeItems();
    expect([tell(marks, 0), tell(marks, 3), tell(marks, 4), tell(marks, 5), tell(marks, 20)]).toEqual([
      [],
      ['0('],
      ['0)'],
      ['1('],
      ['1)', '2('],
    ]);
  });

  test.each([
    { from: 0, want: ['0(', '0)', '1(', '1)', '2('] },
    { from: 2, want: ['0(', '0)', '1(', '1)', '2('] },
    { from: 4, want: ['0)', '1(', '1)', '2('] },
    { from: 6, want: ['1(', '1)', '2('] },
    { from: 30, want: ['2('] },
  ])('a lane that resumes at $from is told the item that is open there and all behind it', ({ from, want }) => {
    const marks = threeItems();
    tell(marks, 30);
    marks.rebind(from);
    expect(tell(marks, 30)).toEqual(want);
  });

  test.each([
    { end: 9, want: ['0(', '0)', '1(', '1)'], wantReasoning: 4 },
    { end: 4, want: ['0(', '0)'], wantReasoning: 4 },
    { end: 3, want: ['0('], wantReasoning: 3 },
    { end: 0, want: [], wantReasoning: 0 },
  ])('a cut at $end leaves no item that no token belongs to', ({ end, want, wantReasoning }) => {
    const marks = threeItems();
    marks.close(end);
    expect(tell(marks, 30)).toEqual(want);
    expect(marks.reasoningTokens(end)).toBe(wantReasoning);
  });
});
