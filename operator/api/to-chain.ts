import type { LocalChain } from '@reticle/core/domain';
import { waferSimArgs } from './engine-args.ts';
import type { Model } from './model.ts';
import { toGeometry, toProfile } from './to-wafer.ts';
import type { WaferClass } from './wafer-class.ts';

/** What a chain is made of: a deployment's words or a replica's frozen inputs, with the objects that they name. */
export type ChainParts = {
  readonly servedName: string;
  readonly engineArgs: Readonly<Record<string, string>>;
  readonly model: Pick<Model, 'spec'>;
  readonly waferClass: Pick<WaferClass, 'spec'>;
  readonly wafers: number;
};

/** The chain of a simulated engine; arguments that are left out take the simulator's defaults (WAFER §6.2). */
export function toChain({ servedName, engineArgs, model, waferClass, wafers }: ChainParts): LocalChain {
  const { contextTokens, digest, defaults } = model.spec;
  const { tokens = 'code', length = 'natural', pace = 'timer', seed = '0', script } = waferSimArgs(engineArgs);
  return {
    servedName,
    modelDigest: digest,
    contextTokens,
    maxOutputTokens: defaults.maxOutputTokens ?? contextTokens,
    defaults: { instructions: defaults.instructions, toolPolicy: defaults.toolPolicy },
    engine: { tokens, length, pace, seed: Number(seed), ...(script === undefined ? {} : { script }) },
    geometry: toGeometry(model),
    profile: toProfile(waferClass),
    wafers,
  };
}
