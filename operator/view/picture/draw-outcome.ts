import { renderDiagnostic } from '@reticle/operator/plan';
import { spanText } from '../span-text.ts';
import { drawMaps } from './draw-maps.ts';
import type { Outcome, RegionOutcome } from './outcome.ts';

/** A plan's outcome for people: pools, deployments, what has no place, then one line that says whether all of it fits. */
export function drawOutcome(outcome: Outcome, assumptions: readonly string[]): string {
  const { regions, pools, notes, fits, tookMs } = outcome;
  const unfit = regions.flatMap(drawNoFit);
  const blocks = [
    drawMaps(pools),
    drawTable(regions),
    unfit,
    notes.length === 0 ? [] : ['Notes:', ...notes.map((note) => `  ${note}`)],
    assumptions.length === 0 ? [] : ['Assumed:', ...assumptions.map((each) => `  ${each}`)],
    [verdict(fits, regions) + (tookMs > 0 ? ` Moves take ${spanText(tookMs)} at most.` : '')],
  ];
  const lines = blocks.filter((block) => block.length > 0).flatMap((block) => [...block, '']);
  return `${lines.slice(0, -1).join('\n')}\n`;
}

function verdict(fits: boolean, regions: readonly RegionOutcome[]): string {
  if (fits) return 'All of it fits.';
  const wanted = regions.reduce((sum, { desired }) => sum + desired, 0);
  const placed = regions.reduce((sum, region) => sum + Math.min(region.desired, region.placed), 0);
  return placed === wanted
    ? 'Not all of it can be carried out.'
    : `${placed} of ${wanted} wanted replicas have a place.`;
}

const HEADER = ['DEPLOYMENT', 'REGION', 'REPLICAS', 'S', 'N', 'TOK/S', 'USERS', 'POOLS'] as const;

function drawTable(regions: readonly RegionOutcome[]): readonly string[] {
  if (regions.length === 0) return [];
  const rows = [HEADER, ...regions.map(row)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => padded(cell, column, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Texts at the left, figures at the right. */
function padded(cell: string, column: number, width: number): string {
  return column < 2 || column === HEADER.length - 1 ? cell.padEnd(width) : cell.padStart(width);
}

function row(outcome: RegionOutcome): readonly string[] {
  const { deployment, region, desired, placed, wafers, streams, tokensPerSecond, users, pools } = outcome;
  const figures = [wafers, streams, tokensPerSecond].map((value) => (value === undefined ? '–' : String(value)));
  return [deployment, region, `${placed}/${desired}`, ...figures, String(users), pools.join(', ')];
}

function drawNoFit({ deployment, region, desired, placed, noFit }: RegionOutcome): readonly string[] {
  if (noFit.length === 0) return [];
  const missing = desired - placed;
  const words = missing > 0 ? `${missing} of ${desired} without a place` : 'a replacement has no place';
  const head = `md/${deployment} in ${region}: ${words}`;
  return [head, ...noFit.map((diagnostic) => `  ${renderDiagnostic(diagnostic)}`)];
}
