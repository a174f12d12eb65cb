/** The speed graph as an SVG path in a box of 100 × 40. */
import { BIN_MS } from './speed.ts';

const WIDTH = 100;
const HEIGHT = 40;
/** Bins that a point is the mean of: tokens come in bursts shorter than a bin. */
const SMOOTH = 3;
const TOP_MIN = 500;

/** Upper end of the scale, in tokens per second: the next 500 above the highest point. */
export function graphTop(bins: readonly number[]): number {
  const highest = Math.max(0, ...smoothed(bins));
  return Math.max(TOP_MIN, Math.ceil(highest / TOP_MIN) * TOP_MIN);
}

export function graphPath(bins: readonly number[], top: number): string {
  const points = smoothed(bins).map((perSecond, index) => {
    const x = (index * WIDTH) / (bins.length - 1);
    const y = HEIGHT - (Math.min(perSecond, top) * HEIGHT) / top;
    return `${x.toFixed(2)} ${y.toFixed(2)}`;
  });
  return `M${points.join(' L')}`;
}

/** Tokens per second at each bin. */
function smoothed(bins: readonly number[]): readonly number[] {
  return bins.map((_, index) => {
    const around = bins.slice(Math.max(0, index - SMOOTH + 1), index + 1);
    const tokens = around.reduce((sum, each) => sum + each, 0);
    return (tokens * 1_000) / (around.length * BIN_MS);
  });
}
