import { usageError } from '../cli-error.ts';

/** One request of a trace. */
export type TraceRow = {
  /** Arrival after the trace's first request. */
  readonly atMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
};

const AZURE_HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const AZURE_TIME = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(\.\d+)?$/;
const COUNT = /^\d{1,9}$/;

/**
 * Reads a trace: Azure's CSV (`TIMESTAMP,ContextTokens,GeneratedTokens`) or Mooncake's JSON lines (`timestamp` in
 * ms, `input_length`, `output_length`), told apart by the first line. Rows are sorted by arrival. Throws a usage
 * error that names the line.
 */
export function parseTrace(text: string): readonly TraceRow[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const parse = formatOf(lines[0] ?? '');
  const rows: TraceRow[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line === AZURE_HEADER) continue;
    const row = parse(line);
    if (row === undefined) throw usageError(`line ${index + 1} of the trace is malformed`, 'Correct or remove it.');
    rows.push(row);
  }
  if (rows.length === 0) throw usageError('the trace holds no request', 'Give another file.');
  const sorted = rows.toSorted((a, b) => a.atMs - b.atMs);
  const startMs = sorted[0]?.atMs ?? 0;
  return sorted.map((row) => ({ ...row, atMs: row.atMs - startMs }));
}

function formatOf(firstLine: string): (line: string) => TraceRow | undefined {
  if (firstLine === AZURE_HEADER) return azureRow;
  if (firstLine.startsWith('{')) return mooncakeRow;
  const hint = `The first line is "${AZURE_HEADER}" or a JSON object.`;
  throw usageError('the trace is neither an Azure CSV nor Mooncake JSON lines', hint);
}

function azureRow(line: string): TraceRow | undefined {
  const [time = '', input = '', output = '', ...rest] = line.split(',');
  const atMs = azureMs(time);
  if (atMs === undefined || !COUNT.test(input) || !COUNT.test(output) || rest.length > 0) return undefined;
  return { atMs, inputTokens: Number(input), outputTokens: Number(output) };
}

/** Milliseconds on a proleptic calendar; only differences are used. The traces have no zone. */
function azureMs(time: string): number | undefined {
  const match = AZURE_TIME.exec(time);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const days = dayNumber(year, month, day);
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + Number(match[7] ?? 0) * 1_000;
}

/** Days since 0000-03-01 of the Gregorian calendar (Howard Hinnant, "days_from_civil"). */
function dayNumber(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return shifted * 365 + Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400) + dayOfYear;
}

function mooncakeRow(line: string): TraceRow | undefined {
  try {
    const row = JSON.parse(line) as Record<string, unknown> | null;
    const [atMs, inputTokens, outputTokens] = [row?.['timestamp'], row?.['input_length'], row?.['output_length']];
    return isCount(atMs) && isCount(inputTokens) && isCount(outputTokens)
      ? { atMs, inputTokens, outputTokens }
      : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Ids below this are in every model's vocabulary; those below 256 stand for single bytes in some. */
const ID_MIN = 256;
const ID_COUNT = 768;

/**
 * Token ids that stand for a row's input: a function of the row's number alone, and different between rows from
 * the first ids on, so that no request finds another's KV.
 */
export function inputIds(rowIndex: number, tokens: number): number[] {
  const seed = Math.imul(rowIndex + 1, 0x9e3779b1);
  return Array.from({ length: tokens }, (_, at) => ID_MIN + (mix(seed ^ Math.imul(at + 1, 0x85ebca6b)) % ID_COUNT));
}

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
