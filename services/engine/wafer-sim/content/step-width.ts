import { assert } from '@reticle/core/domain';

import { fmix } from './oracle-key.ts';

const TWO_32 = 2 ** 32;

export type StepWidthLaw = {
  /** k: most tokens of one step (`stepTokensMax`, WAFER §5.1). */
  readonly stepTokensMax: number;
  /** α: mean tokens of a step, 1..k (`alphaMilli` / 1000). */
  readonly meanTokens: number;
};

/**
 * Bounds for {@link stepWidth}, one set per chain: `bounds[m − 1]` = p^m · 2^32, where p solves
 * Σ_{j<k} p^j = α. P(width > j) = p^j is the truncated geometric law of WAFER §6.1.
 */
export function stepWidthBounds({ stepTokensMax, meanTokens }: StepWidthLaw): Float64Array {
  assert(Number.isInteger(stepTokensMax) && stepTokensMax >= 1, 'a step makes at least one token');
  assert(meanTokens >= 1 && meanTokens <= stepTokensMax, 'the mean width lies in 1..k');
  const p = acceptance(stepTokensMax, meanTokens);
  return Float64Array.from({ length: stepTokensMax - 1 }, (_, index) => p ** (index + 1) * TWO_32);
}

/** Tokens of the step that starts at `offset`: a function of the turn's key (`a`) and the offset alone. */
export function stepWidth(bounds: Float64Array, a: number, offset: number): number {
  const draw = fmix(a ^ Math.imul(offset, 0x27d4eb2f));
  let width = 1;
  while (width <= bounds.length && draw < (bounds[width - 1] ?? 0)) width += 1;
  return width;
}

/** Chance that a drafted token is accepted: p with Σ_{j<k} p^j = α, by bisection to the last bit. */
export function acceptance(stepTokensMax: number, meanTokens: number): number {
  let low = 0;
  let high = 1;
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2;
    let sum = 0;
    for (let power = 0; power < stepTokensMax; power += 1) sum += middle ** power;
    if (sum < meanTokens) low = middle;
    else high = middle;
  }
  return meanTokens === 1 ? 0 : high;
}
