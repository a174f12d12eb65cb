import { describe, expect, test } from '@jest/globals';
import { exportLines } from './env/command.ts';
import { count, endLine, receiptLine, span, table } from './figures.ts';
import { shortDigest } from './models/command.ts';

describe('figures', () => {
  test.each([
    { value: 0, want: '0' },
    { value: 999, want: '999' },
    { value: 1_000, want: '1,000' },
    { value: 1_234_567.4, want: '1,234,567' },
  ])('counts $value as $want', ({ value, want }) => {
    expect(count(value)).toBe(want);
  });

  test.each([
    { ms: 0.04, want: '0.0 ms' },
    { ms: 9.96, want: '10.0 ms' },
    { ms: 12.4, want: '12 ms' },
    { ms: 1_250, want: '1.25 s' },
  ])('shows $ms ms as $want', ({ ms, want }) => {
    expect(span(ms)).toBe(want);
  });

  test('tells a receipt in one line', () => {
    const receipt = {
      outcome: 'applied',
      effectiveOffset: 405,
      generatedOffset: 1_421,
      deliveredOffset: 418,
      wastedTokens: 1_016,
      kvAction: 'cut-in-place',
      kvKeptTokens: 1_905,
    } as const;
    const line = 'generated 1,421 · delivered 418 · kept 405 · wasted 1,016 · KV cut in place, 1,905 tokens kept';
    expect(receiptLine(receipt)).toBe(line);
    expect(receiptLine({ ...receipt, outcome: 'already-ended' })).toBe(`already ended · ${line}`);
  });

  test.each([
    { finishReason: 'length', want: '✔ ended at token 20,000 (length) · 19,990 tokens billed' },
    { finishReason: '', want: '✔ ended at token 20,000 (incomplete) · 19,990 tokens billed' },
  ])('tells an end for the reason "$finishReason" and what is billed of it', ({ finishReason, want }) => {
    const usage = { outputTokens: 19_990 };
    expect(endLine({ status: 'incomplete', finishReason, endOffset: 20_000, usage })).toBe(want);
  });

  test('lines up a table', () => {
    expect(
      table([
        ['', 'p50'],
        ['time', '1'],
        ['x', '1,000'],
      ]),
    ).toBe('        p50\ntime      1\nx     1,000\n');
  });
});

describe('exportLines', () => {
  test('quotes whatever a shell could read', () => {
    expect(exportLines({ A: 'plain', B: `it's $(rm) "x"` })).toBe(`export A='plain'\nexport B='it'\\''s $(rm) "x"'\n`);
  });
});

describe('shortDigest', () => {
  test('keeps twelve digits', () => {
    expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('0123456789ab');
  });
});
