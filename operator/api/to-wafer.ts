import {
  modelGeometry,
  waferProfile,
  type Attention,
  type ModelGeometry,
  type WaferProfile,
} from '@reticle/core/domain/wafer';
import { assert } from '@reticle/core/domain';
import type { Model, ModelSpec } from './model.ts';
import type { WaferClass } from './wafer-class.ts';

/** The latency and memory model's record of a decoded Model; fields that it leaves out are derived (WAFER §4). */
export function toGeometry(model: Pick<Model, 'spec'>): ModelGeometry {
  const { attention, ...geometry } = model.spec.geometry;
  return modelGeometry({ ...geometry, ...(attention === undefined ? {} : { attention: toAttention(attention) }) });
}

/** The latency and memory model's record of a decoded WaferClass, in bytes, FLOP and microseconds (WAFER §5.1). */
export function toProfile(waferClass: Pick<WaferClass, 'spec'>): WaferProfile {
  return waferProfile(waferClass.spec);
}

function toAttention(attention: NonNullable<ModelSpec['geometry']['attention']>): Attention {
  if (attention.kind === 'GQA') return { kind: 'GQA' };
  const { latent, rope } = attention;
  assert(latent !== undefined && rope !== undefined, 'rule m3: MLA has latent and rope');
  return { kind: 'MLA', latent, rope };
}
