import { parseSimScript, type LocalChain } from '@reticle/core/domain';
import type { WaferSimOptions } from './options.ts';

/**
 * What a planned chain says of its simulator; clock, pace and faults are the process's own.
 *
 * @throws ReticleError for a script that cannot be
 */
export function chainOptions(chain: LocalChain): Omit<WaferSimOptions, 'clock'> {
  const { servedName: name, modelDigest: digest, contextTokens, maxOutputTokens, geometry, profile, wafers } = chain;
  const { tokens, length, seed, flatStepMicros, itemEvery, script } = chain.engine;
  return {
    model: { name, digest, contextTokens, maxOutputTokens, geometry },
    profile,
    wafers,
    tokens,
    length,
    seed,
    ...(flatStepMicros === undefined ? {} : { flatStepMicros }),
    ...(itemEvery === undefined ? {} : { itemEvery }),
    ...(script === undefined ? {} : { script: parseSimScript(script, 'script') }),
  };
}
