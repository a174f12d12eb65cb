import { assert } from '../assert.ts';
import type { SpeculationClass } from './geometry.ts';
import type { WaferProfile } from './profile.ts';

/** How wide decode steps are: the truncated geometric law P(m > j) = p^j, j < k, whose mean is α (WAFER §6.1). */
export type Speculation = {
  readonly class: SpeculationClass;
  readonly alpha: number;
  readonly stepTokensMax: number;
  /** p of the law; 0 when every step makes one token. */
  readonly stepProbability: number;
};

// Halving [0, 1] this often leaves an interval below the resolution of a double.
const HALVINGS = 60;

/** Step law of a speculation class under a profile. */
export function speculation(profile: WaferProfile, name: SpeculationClass): Speculation {
  const alpha = profile.alpha[name];
  const stepTokensMax = profile.stepTokensMax[name];
  return { class: name, alpha, stepTokensMax, stepProbability: stepProbabilityFor(alpha, stepTokensMax) };
}

/** p with Σ_{j<k} p^j = α, for 1 ≤ α ≤ k; the sum rises in p, so halving the interval finds the only root. */
export function stepProbabilityFor(alpha: number, stepTokensMax: number): number {
  assert(alpha >= 1 && alpha <= stepTokensMax, 'α lies between 1 and the widest step');
  if (alpha === 1) return 0;
  let low = 0;
  let high = 1;
  for (let i = 0; i < HALVINGS; i += 1) {
    const middle = (low + high) / 2;
    if (meanWidth(middle, stepTokensMax) < alpha) low = middle;
    else high = middle;
  }
  return high;
}

function meanWidth(probability: number, stepTokensMax: number): number {
  let sum = 0;
  for (let j = 0; j < stepTokensMax; j += 1) sum = 1 + probability * sum;
  return sum;
}
