import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { inputIds, parseTrace } from './trace.ts';

const header = 'TIMESTAMP,ContextTokens,GeneratedTokens';

function failure(text: string): string | undefined {
  try {
    parseTrace(text);
  } catch (error) {
    if (error instanceof CliError) return error.message;
    throw error;
  }
  return undefined;
}

describe('parseTrace', () => {
  test('reads an Azure trace, to the fraction of a millisecond and over midnight', () => {
    const rows = parseTrace(
      `${header}\r\n2024-02-28 23:59:59.5000000,4808,10\r\n2024-02-29 00:00:00.0001250,1,0\r\n2024-03-01 00:00:00,7,8\r\n`,
    );
    expect(rows.map(({ atMs }) => Math.round(atMs * 1_000) / 1_000)).toEqual([0, 500.125, 86_400_500]);
    expect(rows[0]).toMatchObject({ inputTokens: 4_808, outputTokens: 10 });
  });

  test('counts days over the end of a year', () => {
    const [, later] = parseTrace(`${header}\n2023-12-31 00:00:00,1,1\n2024-01-01 00:00:00,1,1\n`);
    expect(later?.atMs).toBe(86_400_000);
  });

  test('reads a Mooncake trace and sorts by arrival', () => {
    const line = (timestamp: number) =>
      JSON.stringify({ timestamp, input_length: 6_758, output_length: 500, hash_ids: [0, 1] });
    expect(parseTrace(`${line(3_000)}\n${line(1_000)}\n`)).toEqual([
      { atMs: 0, inputTokens: 6_758, outputTokens: 500 },
      { atMs: 2_000, inputTokens: 6_758, outputTokens: 500 },
    ]);
  });

  test('reads the sample that the examples bring', () => {
    const sample = new URL('../../../examples/traces/azure-code-sample.csv', import.meta.url);
    const rows = parseTrace(readFileSync(sample, 'utf8'));
    expect(rows.length).toBeGreaterThanOrEqual(200);
    expect(rows[0]).toEqual({ atMs: 0, inputTokens: 4_808, outputTokens: 10 });
    expect(rows.every(({ atMs }, index) => atMs >= (rows[index - 1]?.atMs ?? 0))).toBe(true);
  });

  test.each([
    { name: 'another file', text: '# Title\n', want: 'the trace is neither an Azure CSV nor Mooncake JSON lines' },
    { name: 'an empty file', text: '', want: 'the trace is neither an Azure CSV nor Mooncake JSON lines' },
    { name: 'a header alone', text: `${header}\n`, want: 'the trace holds no request' },
    { name: 'a short line', text: `${header}\n2023-11-16 18:17:03,1\n`, want: 'line 2 of the trace is malformed' },
    { name: 'a long line', text: `${header}\n2023-11-16 18:17:03,1,2,3\n`, want: 'line 2 of the trace is malformed' },
    { name: 'a bad time', text: `${header}\nyesterday,1,2\n`, want: 'line 2 of the trace is malformed' },
    {
      name: 'a negative count',
      text: `${header}\n2023-11-16 18:17:03,-1,2\n`,
      want: 'line 2 of the trace is malformed',
    },
    {
      name: 'JSON without a field',
      text: '{"timestamp":0,"input_length":1}\n',
      want: 'line 1 of the trace is malformed',
    },
    {
      name: 'a torn second line',
      text: '{"timestamp":0,"input_length":1,"output_length":1}\n{"timest',
      want: 'line 2 of the trace is malformed',
    },
  ])('names the line of $name', ({ text, want }) => {
    expect(failure(text)).toBe(want);
  });
});

describe('inputIds', () => {
  test('is a function of row and length, in every vocabulary, and differs between rows at once', () => {
    expect(inputIds(3, 500)).toEqual(inputIds(3, 500));
    expect(inputIds(3, 500).slice(0, 20)).toEqual(inputIds(3, 20));
    const starts = new Set(Array.from({ length: 1_000 }, (_, row) => inputIds(row, 4).join()));
    expect(starts.size).toBe(1_000);
    const ids = inputIds(7, 10_000);
    expect([ids.length, Math.min(...ids) >= 256, Math.max(...ids) < 1_024]).toEqual([10_000, true, true]);
  });
});
