import type { LocalChain } from '@reticle/core/domain';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';

export type ChainOptions = {
  readonly servedName?: string;
  readonly contextTokens?: number;
  readonly maxOutputTokens?: number;
  readonly engine?: Partial<LocalChain['engine']>;
};

/** `spark-ref` on twelve simulated wafers, with tokens that a test can prove. */
export function sparkChain({ engine, ...more }: ChainOptions = {}): LocalChain {
  return {
    servedName: 'spark-ref',
    modelDigest: `sha256:${'5a'.repeat(32)}`,
    contextTokens: 131_072,
    maxOutputTokens: 65_536,
    geometry: modelById('spark-ref'),
    profile: waferProfiles['wse3-2026'],
    wafers: 12,
    ...more,
    engine: { tokens: 'hash', length: 'max', pace: 'timer', seed: 7, ...engine },
  };
}

/** The same model at one constant speed with no bound of slots or KV: for tests in which speed is not the matter. */
export function flatChain(tokensPerSecond: number, { engine, ...more }: ChainOptions = {}): LocalChain {
  return sparkChain({ ...more, engine: { flatStepMicros: 1e6 / tokensPerSecond, ...engine } });
}
