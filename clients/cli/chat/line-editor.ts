import type { Key } from './keys.ts';

/** A line being typed; `cursor` counts code points. */
export type Line = { readonly points: readonly string[]; readonly cursor: number };

export const EMPTY_LINE: Line = { points: [], cursor: 0 };

/** A paste is a message, not a file. */
const POINTS_MAX = 32 * 1024;

export function lineText(line: Line): string {
  return line.points.join('');
}

/** The line after a key; keys that do not edit leave it as it is. */
export function editLine(line: Line, key: Key): Line {
  const { points, cursor } = line;
  switch (key.kind) {
    case 'text':
      return insert(line, Array.from(key.text).slice(0, POINTS_MAX - points.length));
    case 'backspace':
      return remove(line, Math.max(0, cursor - 1), cursor);
    case 'delete':
      return remove(line, cursor, Math.min(points.length, cursor + 1));
    case 'delete-word':
      return remove(line, wordStart(line), cursor);
    case 'clear-line':
      return EMPTY_LINE;
    default:
      return { points, cursor: moved(line, key.kind) };
  }
}

function moved({ points, cursor }: Line, kind: Key['kind']): number {
  if (kind === 'left') return Math.max(0, cursor - 1);
  if (kind === 'right') return Math.min(points.length, cursor + 1);
  if (kind === 'home') return 0;
  return kind === 'end' ? points.length : cursor;
}

function insert({ points, cursor }: Line, added: readonly string[]): Line {
  return { points: points.toSpliced(cursor, 0, ...added), cursor: cursor + added.length };
}

function remove({ points }: Line, from: number, to: number): Line {
  return { points: points.toSpliced(from, to - from), cursor: from };
}

function wordStart({ points, cursor }: Line): number {
  let at = cursor;
  while (at > 0 && points[at - 1] === ' ') at--;
  while (at > 0 && points[at - 1] !== ' ') at--;
  return at;
}
