import { an, sentence, type ChapterShape } from './code-shape.ts';

/** A queue with a bound, as a value. */
const boundedQueue: ChapterShape = {
  suffixes: ['Queue', 'Backlog', 'Inbox'],
  comment: ({ title, word, type }) => `// ${type}
//
// ${sentence(an(title))} keeps each ${word} in the order in which it came and never grows past its limit.
// Adding to a full one is refused, so the caller decides what to drop and nothing waits in silence.

`,
  types: ({ type, word }) => `/** One waiting ${word} and the moment at which it came. */
export type ${type}Entry = { readonly ${word}Id: string; readonly arrivedMs: number };

export type ${type} = {
  readonly limit: number;
  readonly entries: readonly ${type}Entry[];
};

`,
  functions: ({ type, value, word }) => `export function empty${type}(limit: number): ${type} {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError('limit must be a positive integer');
  return { limit, entries: [] };
}

/** The ${word} at the end of the line, or undefined when the limit is reached. */
export function addTo${type}(${value}: ${type}, entry: ${type}Entry): ${type} | undefined {
  if (${value}.entries.length >= ${value}.limit) return undefined;
  return { ...${value}, entries: [...${value}.entries, entry] };
}

/** How long the oldest ${word} has waited; 0 when none does. */
export function ${value}WaitMs(${value}: ${type}, nowMs: number): number {
  const oldest = ${value}.entries[0];
  return oldest === undefined ? 0 : Math.max(0, nowMs - oldest.arrivedMs);
}

`,
  tests: ({ type, value, word, number }) => {
    const arrived = number(1, 100, 900);
    const waited = number(2, 10, 90);
    return `test('${an(value)} refuses the ${word} past its limit', () => {
  const first = addTo${type}(empty${type}(1), { ${word}Id: 'a', arrivedMs: ${arrived} });
  expect(first?.entries).toHaveLength(1);
  expect(first && addTo${type}(first, { ${word}Id: 'b', arrivedMs: ${arrived + 1} })).toBeUndefined();
  expect(first && ${value}WaitMs(first, ${arrived + waited})).toBe(${waited});
});

`;
  },
};

/** A cache that forgets what was not used. */
const lruCache: ChapterShape = {
  suffixes: ['Cache', 'Memo', 'Shelf'],
  comment: ({ title, word }) => `/*
 * The ${title} remembers the answers that were asked for last. A Map keeps its keys in order of insertion,
 * so taking ${an(word)} out and putting it back is all the bookkeeping there is.
 */
`,
  types: ({ type, word }) => `export interface ${type}<Value> {
  get(${word}Id: string): Value | undefined;
  put(${word}Id: string, value: Value): void;
  readonly size: number;
}

`,
  functions: ({
    type,
    value,
    word,
  }) => `/** A cache of at most \`capacity\` entries; the one unused for longest goes first. */
export function create${type}<Value>(capacity: number): ${type}<Value> {
  const kept = new Map<string, Value>();

  const touch = (${word}Id: string, found: Value) => {
    kept.delete(${word}Id);
    kept.set(${word}Id, found);
  };

  return {
    get(${word}Id) {
      const found = kept.get(${word}Id);
      if (found !== undefined) touch(${word}Id, found);
      return found;
    },
    put(${word}Id, value) {
      touch(${word}Id, value);
      const [oldest] = kept.keys();
      if (kept.size > capacity && oldest !== undefined) kept.delete(oldest);
    },
    get size() {
      return kept.size;
    },
  };
}

// A miss is undefined, so ${value} callers store null when they mean "known to be absent".

`,
  tests: ({ type, value, number }) => {
    const kept = number(1, 2, 99);
    return `test('the ${value} forgets what was not asked for', () => {
  const ${value} = create${type}<number>(2);
  ${value}.put('left', ${kept});
  ${value}.put('right', ${kept + 1});
  expect(${value}.get('left')).toBe(${kept});
  ${value}.put('middle', ${kept + 2});
  expect(${value}.get('right')).toBeUndefined();
  expect(${value}.size).toBe(2);
});

`;
  },
};

/** Half-open ranges that merge. */
const rangeSet: ChapterShape = {
  suffixes: ['Range', 'Span', 'Window'],
  comment: ({ title, word }) => `// Each ${title} is half-open: it holds its start and stops before its end.
// Two that touch are one, so a list of them has a single normal form, which makes
// "has every ${word} been seen?" a comparison and not a search.

`,
  types: ({ type }) => `/** [start, end), in whole units. */
export type ${type} = { readonly start: number; readonly end: number };

`,
  functions: ({ type, value }) => `/** The same ground in as few pieces as possible, in order. */
export function merge${type}s(ranges: readonly ${type}[]): readonly ${type}[] {
  const merged: ${type}[] = [];
  for (const next of ranges.toSorted((one, other) => one.start - other.start)) {
    const last = merged.at(-1);
    if (last === undefined || next.start > last.end) merged.push(next);
    else merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, next.end) };
  }
  return merged;
}

/** What lies between the pieces: the gaps a reader still waits for. */
export function gapsBetween${type}s(ranges: readonly ${type}[]): readonly ${type}[] {
  const merged = merge${type}s(ranges);
  return merged.slice(1).map((${value}, index) => ({
    start: merged[index]?.end ?? ${value}.start,
    end: ${value}.start,
  }));
}

`,
  tests: ({ type, value, number }) => {
    const start = number(1, 1, 40);
    const gap = number(2, 2, 9);
    return `test('${an(value)} that touches another joins it', () => {
  const seen = [
    { start: ${start + 10 + gap}, end: ${start + 20 + gap} },
    { start: ${start}, end: ${start + 4} },
    { start: ${start + 4}, end: ${start + 10} },
  ];
  expect(merge${type}s(seen)).toEqual([{ start: ${start}, end: ${start + 10} }, seen[0]]);
  expect(gapsBetween${type}s(seen)).toEqual([{ start: ${start + 10}, end: ${start + 10 + gap} }]);
});

`;
  },
};

/** What changed between two lists. */
const difference: ChapterShape = {
  suffixes: ['Diff', 'Change', 'Patch'],
  comment: ({ title, word }) => `// ${sentence(title)}: what happened between two readings of the same list.
// Every ${word} is known by its id; a version that moved means that it changed.

`,
  types: ({ type, word }) => `export type ${type}Row = { readonly ${word}Id: string; readonly version: number };

export type ${type} = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
};

`,
  functions: ({ type, word }) => `export function compare${type}(
  before: readonly ${type}Row[],
  after: readonly ${type}Row[],
): ${type} {
  const old = new Map(before.map((row) => [row.${word}Id, row.version]));
  const current = new Set(after.map((row) => row.${word}Id));
  const kept = after.filter((row) => old.has(row.${word}Id));
  return {
    added: after.filter((row) => !old.has(row.${word}Id)).map((row) => row.${word}Id),
    removed: before.filter((row) => !current.has(row.${word}Id)).map((row) => row.${word}Id),
    changed: kept.filter((row) => old.get(row.${word}Id) !== row.version).map((row) => row.${word}Id),
  };
}

/** True when both readings agree, so that nothing has to be written. */
export function isEmpty${type}({ added, removed, changed }: ${type}): boolean {
  return added.length + removed.length + changed.length === 0;
}

`,
  tests: ({ type, word, number }) => {
    const version = number(1, 1, 50);
    return `test('every ${word} is added, removed or changed once', () => {
  const before = [
    { ${word}Id: 'kept', version: ${version} },
    { ${word}Id: 'moved', version: ${version} },
    { ${word}Id: 'gone', version: ${version} },
  ];
  const after = [
    { ${word}Id: 'kept', version: ${version} },
    { ${word}Id: 'moved', version: ${version + 1} },
    { ${word}Id: 'fresh', version: 1 },
  ];
  expect(compare${type}(before, after)).toEqual({ added: ['fresh'], removed: ['gone'], changed: ['moved'] });
  expect(isEmpty${type}(compare${type}(after, after))).toBe(true);
});

`;
  },
};

export const collectionShapes: readonly ChapterShape[] = [boundedQueue, lruCache, rangeSet, difference];
