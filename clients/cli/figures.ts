import type { Ended, Receipt } from '@reticle/sdk';

export type EndFigures = Pick<Ended, 'status' | 'finishReason' | 'endOffset'> & {
  readonly usage: Pick<Ended['usage'], 'outputTokens'>;
};

/** 12345 → `12,345`. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Milliseconds for people: `0.4 ms`, `12 ms`, `1.25 s`. */
export function span(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

/** The receipt in one line. */
export function receiptLine(receipt: Receipt): string {
  const { generatedOffset, deliveredOffset, effectiveOffset, wastedTokens, kvAction, kvKeptTokens } = receipt;
  const kv = kvAction === 'none' ? 'KV untouched' : `KV ${kvAction.replaceAll('-', ' ')}`;
  const late = receipt.outcome === 'already-ended' ? 'already ended · ' : '';
  return (
    `${late}generated ${count(generatedOffset)} · delivered ${count(deliveredOffset)} · ` +
    `kept ${count(effectiveOffset)} · wasted ${count(wastedTokens)} · ${kv}, ${count(kvKeptTokens)} tokens kept`
  );
}

/** How a turn ended and what it costs: `✔ ended at token 160 (length) · 160 tokens billed`. */
export function endLine({ status, finishReason, endOffset, usage }: EndFigures): string {
  const why = finishReason === '' ? status : finishReason;
  return `✔ ended at token ${count(endOffset)} (${why}) · ${count(usage.outputTokens)} tokens billed`;
}

/** A table with two blanks between columns; the first column is left-aligned, the others right-aligned. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
