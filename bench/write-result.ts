import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { hostClass } from './host-record.ts';
import { parseResult, type Result } from './result.ts';
import { resultsPage } from './results-page.ts';

/** The file of a result below `results/`; a second run of the same day, commit and host class takes its place. */
export function resultPath({ bench, date, commit, host, short }: Result): string {
  return join(bench, `${date}-${commit}-${hostClass(host)}${short ? '-short' : ''}.json`);
}

/** Writes the result and, from all results, the page. Returns the paths, relative to the bench folder. */
export function writeResult(result: Result, folder: string = import.meta.dirname): readonly string[] {
  const results = join(folder, 'results');
  const path = join(results, resultPath(result));
  mkdirSync(join(results, result.bench), { recursive: true });
  writeFileSync(path, `${JSON.stringify(rounded(result), undefined, 1)}\n`);
  const files = readdirSync(results, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ path: `results/${file}`, result: parseResult(readFileSync(join(results, file), 'utf8')) }));
  const page = join(folder, 'RESULTS.md');
  writeFileSync(page, resultsPage(files));
  return [path, page].map((each) => relative(folder, each));
}

/** Five significant digits say all that a run can. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isInteger(value)) return Number(value.toPrecision(5));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each)]));
}
