import { nearestName } from '@reticle/core/domain';

/** `did you mean "x"?` when a candidate is near, else the whole list. */
export function suggest(word: string, candidates: readonly string[], listLabel: string): string {
  const near = nearestName(word, candidates);
  if (near !== undefined) return `did you mean "${near}"?`;
  return candidates.length === 0 ? `${listLabel}: none` : `${listLabel}: ${candidates.join(', ')}`;
}
