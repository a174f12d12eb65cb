import { assert } from '@reticle/core/domain';
import { resources, type Resource } from '@reticle/operator/cluster';

/** How the server's paths name a kind of ours. */
export function resourceOf(kind: string): Resource {
  const found = Object.values(resources).find((resource) => resource.kind === kind);
  assert(found !== undefined, 'the kind is one that the operator knows');
  return found;
}
