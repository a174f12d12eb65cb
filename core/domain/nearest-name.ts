/**
 * The candidate that an author most likely meant, or undefined when none is close: at most one edit per
 * three characters (two for four and five), letter case ignored; the first of equally close candidates wins.
 */
export function nearestName(word: string, candidates: readonly string[]): string | undefined {
  const from = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = (from.length < 4 ? 1 : Math.max(2, Math.floor(from.length / 3))) + 1;
  for (const candidate of candidates) {
    const to = candidate.toLowerCase();
    if (Math.abs(to.length - from.length) >= bestDistance) continue;
    const distance = edits(from, to);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Edits that turn one word into the other; a swap of neighbours, the commonest slip of two hands, counts as one. */
function edits(from: string, to: string): number {
  let older: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(above, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped = isSwap(from, to, row, column) ? at(older, column - 2) + 1 : replaced;
      current.push(Math.min(at(above, column) + 1, at(current, column - 1) + 1, replaced, swapped));
    }
    older = above;
    above = current;
  }
  return at(above, to.length);
}

function isSwap(from: string, to: string, row: number, column: number): boolean {
  return row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
}

function at(distances: readonly number[], index: number): number {
  return distances[index] ?? 0;
}
