import { describe, expect, test } from '@jest/globals';
import { parseKeys } from './keys.ts';
import { EMPTY_LINE, editLine, lineText } from './line-editor.ts';

function typed(data: string): { text: string; cursor: number } {
  const line = parseKeys(data).reduce(editLine, EMPTY_LINE);
  return { text: lineText(line), cursor: line.cursor };
}

const LEFT = '\u001B[D';
const HOME = '\u001B[H';
const END = '\u001B[F';
const BACK = '\u007F';

describe('editLine', () => {
  test.each([
    { name: 'text', data: 'héllo', want: { text: 'héllo', cursor: 5 } },
    { name: 'an insert', data: `ac${LEFT}b`, want: { text: 'abc', cursor: 2 } },
    { name: 'a backspace', data: `abc${BACK}`, want: { text: 'ab', cursor: 2 } },
    { name: 'a backspace over a code point of two units', data: `a😀${BACK}`, want: { text: 'a', cursor: 1 } },
    { name: 'a backspace at the start', data: `a${HOME}${BACK}`, want: { text: 'a', cursor: 0 } },
    { name: 'a delete', data: `abc${HOME}\u001B[3~`, want: { text: 'bc', cursor: 0 } },
    { name: 'a delete at the end', data: 'abc\u001B[3~', want: { text: 'abc', cursor: 3 } },
    { name: 'home and end', data: `b${HOME}a${END}c`, want: { text: 'abc', cursor: 3 } },
    { name: 'left past the start', data: `a${LEFT}${LEFT}b`, want: { text: 'ba', cursor: 1 } },
    { name: 'right past the end', data: 'a\u001B[C\u001B[Cb', want: { text: 'ab', cursor: 2 } },
    { name: 'a deleted word', data: 'one two  \u0017', want: { text: 'one ', cursor: 4 } },
    { name: 'a cleared line', data: 'abc\u0015', want: { text: '', cursor: 0 } },
    { name: 'an unknown sequence', data: 'a\u001B[15~b', want: { text: 'ab', cursor: 2 } },
    { name: 'an Alt key', data: 'a\u001Bxb', want: { text: 'ab', cursor: 2 } },
    { name: 'other controls', data: 'a\u0000\u0007b', want: { text: 'ab', cursor: 2 } },
  ])('takes $name', ({ data, want }) => {
    expect(typed(data)).toEqual(want);
  });

  test('bounds a paste', () => {
    expect(typed('x'.repeat(100_000)).cursor).toBe(32 * 1_024);
  });
});

describe('parseKeys', () => {
  test('tells Escape from a sequence', () => {
    expect(parseKeys('\u001B')).toEqual([{ kind: 'escape' }]);
    expect(parseKeys('\u001B\u001B[D')).toEqual([{ kind: 'escape' }, { kind: 'left' }]);
    expect(parseKeys('\u001B[A')).toEqual([]);
  });
});
