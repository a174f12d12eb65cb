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
    const distance = editDistance(from, to);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "x"?` when a candidate is near, else the whole list. */
export function suggest(word: string, candidates: readonly string[], listLabel: string): string {
  const near = nearestName(word, candidates);
  if (near !== undefined) return `did you mean "${near}"?`;
  return candidates.length === 0 ? `${listLabel}: none` : `${listLabel}: ${candidates.join(', ')}`;
}

/** Levenshtein distance: insertions, deletions and replacements, row by row. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, character] of a.split('').entries()) {
    const row = [index + 1];
    let left = index + 1;
    for (const [column, other] of b.split('').entries()) {
      const replaced = (above[column] ?? 0) + (character === other ? 0 : 1);
      left = Math.min(replaced, (above[column + 1] ?? 0) + 1, left + 1);
      row.push(left);
    }
    above = row;
  }
  return above.at(-1) ?? 0;
}
