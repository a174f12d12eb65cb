/**
 * Profile `bench-flat` (WAFER §6.1): one constant step time whatever runs, no prefill time, no slot and no KV
 * bound, one token a step, `length: max`. It carries load that a calibrated chain cannot; every result names it.
 */
import type { LocalChain } from '@reticle/core/domain';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';

export const BENCH_MODEL = 'bench-flat';
export const BENCH_DIGEST = `sha256:${'be'.repeat(32)}`;
/** Token span that every bench turn takes as its input; a span is its own context, without template text. */
export const BENCH_INPUT_IDS: readonly number[] = [16_486, 22_558];

/** Offsets that hash text tells apart are 20 bits wide; no bench turn gets this far. */
const CONTEXT_TOKENS = 1_000_000;

/** The chain of `bench-flat` at so many tokens per second and stream. */
export function benchFlatChain(tokensPerSecond: number): LocalChain {
  const geometry = modelById('gpt-oss-120b');
  return {
    servedName: BENCH_MODEL,
    modelDigest: BENCH_DIGEST,
    contextTokens: CONTEXT_TOKENS,
    maxOutputTokens: CONTEXT_TOKENS - 1_000,
    geometry: { ...geometry, drafter: { ...geometry.drafter, class: 'none' } },
    profile: { ...waferProfiles['wse3-2026'], name: 'bench-flat' },
    wafers: 4,
    engine: { tokens: 'hash', length: 'max', pace: 'timer', seed: 0, flatStepMicros: 1e6 / tokensPerSecond },
  };
}
