import { an, sentence, type ChapterShape } from './code-shape.ts';

/** Text in, records out, with the line at fault. */
const parser: ChapterShape = {
  suffixes: ['Record', 'Entry', 'Sample'],
  comment: ({ title, word }) => `/*
 * Reading ${an(title)}.
 *
 * One ${word} per line: a name, a comma, a number. Empty lines are skipped. A line that cannot be read
 * is reported with its number, because "line 40" is something a person can act on.
 */
`,
  types: ({ type }) => `export type ${type} = { readonly name: string; readonly amount: number };

export type ${type}Fault = { readonly line: number; readonly reason: string };

`,
  functions: ({ type }) => `export function parse${type}s(text: string): {
  readonly records: readonly ${type}[];
  readonly faults: readonly ${type}Fault[];
} {
  const records: ${type}[] = [];
  const faults: ${type}Fault[] = [];
  for (const [index, line] of text.split('\\n').entries()) {
    if (line.trim() === '') continue;
    const [name = '', rest = ''] = line.split(',').map((cell) => cell.trim());
    const amount = Number(rest);
    if (name === '') faults.push({ line: index + 1, reason: 'no name' });
    else if (rest === '' || !Number.isFinite(amount)) faults.push({ line: index + 1, reason: 'no number' });
    else records.push({ name, amount });
  }
  return { records, faults };
}

`,
  tests: ({ type, word, number }) => {
    const amount = number(1, 2, 500);
    return `test('${an(word)} that cannot be read names its line', () => {
  const { records, faults } = parse${type}s('first, ${amount}\\n\\n, 4\\nlast, many');
  expect(records).toEqual([{ name: 'first', amount: ${amount} }]);
  expect(faults).toEqual([
    { line: 3, reason: 'no name' },
    { line: 4, reason: 'no number' },
  ]);
});

`;
  },
};

/** Many numbers as a few. */
const summary: ChapterShape = {
  suffixes: ['Summary', 'Report', 'Digest'],
  comment: ({ title, word }) => `// The ${title} answers the three questions that people ask of ${an(word)}:
// how many, how much in the middle, and how bad at the end.

`,
  types: ({ type }) => `export type ${type} = {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
};

`,
  functions: ({
    type,
    value,
  }) => `/** The smallest value that at least \`percent\` of the others do not exceed (nearest rank). */
function ${value}Percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? 0;
}

export function summarise${type}(samples: readonly number[]): ${type} {
  const sorted = samples.toSorted((one, other) => one - other);
  return {
    count: sorted.length,
    median: ${value}Percentile(sorted, 50),
    p99: ${value}Percentile(sorted, 99),
  };
}

`,
  tests: ({ type, title, number }) => {
    const step = number(1, 2, 12);
    return `test.each([
  { name: 'nothing', samples: [], want: { count: 0, median: 0, p99: 0 } },
  { name: 'one', samples: [${step}], want: { count: 1, median: ${step}, p99: ${step} } },
  { name: 'out of order', samples: [${step * 3}, ${step}, ${step * 2}], want: { count: 3, median: ${step * 2}, p99: ${step * 3} } },
])('the ${title} of $name', ({ samples, want }) => {
  expect(summarise${type}(samples)).toEqual(want);
});

`;
  },
};

/** A reducer with its transition table. */
const machine: ChapterShape = {
  suffixes: ['State', 'Status', 'Phase'],
  comment: ({ title, word }) => `// ${sentence(title)}
//
//   waiting --start--> running --finish--> done
//      |                  |
//      +------cancel------+--> cancelled
//
// ${sentence(an(word))} that has ended stays ended: late events change nothing, so they may be sent twice.

`,
  types: ({ type }) => `export type ${type} = 'waiting' | 'running' | 'done' | 'cancelled';
export type ${type}Event = 'start' | 'finish' | 'cancel';

const next${type}: Readonly<Record<${type}, Partial<Record<${type}Event, ${type}>>>> = {
  waiting: { start: 'running', cancel: 'cancelled' },
  running: { finish: 'done', cancel: 'cancelled' },
  done: {},
  cancelled: {},
};

`,
  functions: ({ type, value }) => `export function reduce${type}(${value}: ${type}, event: ${type}Event): ${type} {
  return next${type}[${value}][event] ?? ${value};
}

export function hasEnded${type}(${value}: ${type}): boolean {
  return ${value} === 'done' || ${value} === 'cancelled';
}

`,
  tests: ({ type, word, number }) => {
    const repeats = number(1, 2, 6);
    return `test('${an(word)} ends once, however often it is cancelled', () => {
  const events: ${type}Event[] = ['start', ...Array<${type}Event>(${repeats}).fill('cancel'), 'finish'];
  const ended = events.reduce<${type}>(reduce${type}, 'waiting');
  expect(ended).toBe('cancelled');
  expect(hasEnded${type}(ended)).toBe(true);
  expect(hasEnded${type}('running')).toBe(false);
});

`;
  },
};

/** When to try again. */
const backoff: ChapterShape = {
  suffixes: ['Retry', 'Backoff', 'Schedule'],
  comment: ({ title, word }) => `/**
 * ${sentence(an(title))} says how long to wait before ${an(word)} is tried again: twice as long each time, up to a bound.
 * The random part comes in as a number, so a test can ask for the longest and the shortest wait.
 */
`,
  types: ({ type }) => `export type ${type} = {
  readonly firstMs: number;
  readonly longestMs: number;
  readonly attempts: number;
};

`,
  functions: ({ type, value }) => `/**
 * Milliseconds before try number \`attempt\` (from 1), or undefined when it is time to give up.
 * \`random\` is uniform in [0, 1): with half of the wait left to it, clients that fail together return apart.
 */
export function ${value}DelayMs(${value}: ${type}, attempt: number, random: number): number | undefined {
  if (attempt > ${value}.attempts) return undefined;
  const wholeMs = Math.min(${value}.longestMs, ${value}.firstMs * 2 ** (attempt - 1));
  return wholeMs / 2 + (wholeMs / 2) * random;
}

`,
  tests: ({ type, value, word, number }) => {
    const first = number(1, 5, 50) * 2;
    return `test('each try of ${an(word)} waits longer, and the last one ends', () => {
  const ${value}: ${type} = { firstMs: ${first}, longestMs: ${first * 3}, attempts: 3 };
  const waits = [1, 2, 3, 4].map((attempt) => ${value}DelayMs(${value}, attempt, 0));
  expect(waits).toEqual([${first / 2}, ${first}, ${(first * 3) / 2}, undefined]);
});

`;
  },
};

/** What may be spent, refilled by time. */
const allowance: ChapterShape = {
  suffixes: ['Budget', 'Quota', 'Allowance'],
  comment: ({ title, word }) => `// ${sentence(title)}: every ${word} costs something, and what was spent grows back.
// Time is an argument and never read here; the same calls give the same answers in a test and in service.

`,
  types: ({ type }) => `export type ${type} = {
  readonly capacity: number;
  readonly refillPerSecond: number;
  /** What is left, as of \`updatedMs\`. */
  readonly left: number;
  readonly updatedMs: number;
};

`,
  functions: ({ type, value }) => `export function refill${type}(${value}: ${type}, nowMs: number): ${type} {
  const elapsedMs = Math.max(0, nowMs - ${value}.updatedMs);
  const grown = ${value}.left + (elapsedMs * ${value}.refillPerSecond) / 1000;
  return { ...${value}, left: Math.min(${value}.capacity, grown), updatedMs: nowMs };
}

/** Takes \`cost\` if it is there; a refusal takes nothing. */
export function spend${type}(
  ${value}: ${type},
  cost: number,
  nowMs: number,
): { readonly granted: boolean; readonly after: ${type} } {
  const current = refill${type}(${value}, nowMs);
  if (cost > current.left) return { granted: false, after: current };
  return { granted: true, after: { ...current, left: current.left - cost } };
}

`,
  tests: ({ type, value, word, number }) => {
    const capacity = number(1, 2, 30);
    return `test('${an(word)} over the ${value} is refused and costs nothing', () => {
  const full: ${type} = { capacity: ${capacity}, refillPerSecond: 1, left: ${capacity}, updatedMs: 0 };
  const { granted, after } = spend${type}(full, ${capacity}, 0);
  expect(granted).toBe(true);
  expect(spend${type}(after, 1, 999).granted).toBe(false);
  expect(spend${type}(after, 1, 1000)).toEqual({ granted: true, after: { ...full, left: 0, updatedMs: 1000 } });
});

`;
  },
};

export const ruleShapes: readonly ChapterShape[] = [parser, summary, machine, backoff, allowance];
