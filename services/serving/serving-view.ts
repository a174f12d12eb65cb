/**
 * What one snapshot says of models, regions and engines; nothing of it changes. One decision settles region and residency
 * (ADMISSION §11): of the regions that serve the model those stay that the tenant and the deployment allow, then those
 * that the client asks for; the session is served here when this region is left.
 */
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Deployment } from '@reticle/proto/gen/serving/v1/Deployment';
import type { Replica } from '@reticle/proto/gen/serving/v1/Replica';
import { ReplicaState } from '@reticle/proto/gen/serving/v1/ReplicaState';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import type { EngineEntry, SessionWish } from '@reticle/services/stream';

type Row = { readonly replica: Replica; readonly servedName: string };

export class ServingView {
  readonly #region: string;
  readonly #deployments: ReadonlyMap<string, readonly Deployment[]>;
  /** By engine. */
  readonly #rows: ReadonlyMap<string, Row>;
  /** Words of each region. */
  readonly #residency: ReadonlyMap<string, ReadonlySet<string>>;
  /** Words that each tenant's regions must have one of; a tenant without any goes anywhere. */
  readonly #tenants: ReadonlyMap<string, readonly string[]>;

  constructor({ region, regions, deployments, replicas, tenants }: ServingSnapshot) {
    this.#region = region;
    this.#deployments = Map.groupBy(deployments, ({ servedName }) => servedName);
    const names = new Map(deployments.map(({ uid, servedName }) => [uid, servedName] as const));
    this.#rows = new Map(
      replicas.map((replica) => {
        return [replica.engineId, { replica, servedName: names.get(replica.deploymentUid) ?? '' }] as const;
      }),
    );
    this.#residency = new Map(regions.map(({ name, residency }) => [name, new Set(residency)] as const));
    this.#tenants = new Map(tenants.map(({ name, inferenceResidency }) => [name, inferenceResidency] as const));
  }

  /** Regions of a model's deployments, in their order. */
  regionsOf(model: string): readonly string[] {
    const lists = (this.#deployments.get(model) ?? []).map(({ regions }) => regions.map(({ region }) => region));
    return [...new Set(lists.flat())];
  }

  /** As {@link Routing.place}. */
  place({ model, tenant, allowedRegions }: SessionWish): readonly string[] {
    const deployments = this.#deployments.get(model) ?? [];
    if (deployments.length === 0)
      throw new ReticleError('model_not_found', 'nothing serves this model', { param: 'model' });
    const words = this.#tenants.get(tenant) ?? [];
    const permitted = this.#permitted(deployments, words);
    if (permitted.length === 0) {
      throw elsewhere(
        'residency_violation',
        'no region of this model lies within the residency of the tenant',
        permitted,
      );
    }
    const isAskedFor = (region: string): boolean => allowedRegions.length === 0 || allowedRegions.includes(region);
    const left = permitted.filter(isAskedFor);
    if (left.includes(this.#region)) return left;
    // What is asked for is there, and is not for this tenant.
    if (left.length === 0 && this.regionsOf(model).some(isAskedFor)) {
      throw elsewhere('residency_violation', 'the allowed regions lie outside the residency of the tenant', permitted);
    }
    throw elsewhere(
      'region_unavailable',
      'this cell does not serve the model in an allowed region',
      left.length === 0 ? permitted : left,
    );
  }

  /** Its row is that of a serving replica at its epoch, model and place (PROMISES P27). */
  takesNew(engine: EngineEntry): boolean {
    const row = this.#rows.get(engine.engineId);
    if (row === undefined) return false;
    const { epoch, modelDigest, region, state, weightPercent } = row.replica;
    const isIt = modelDigest === engine.modelDigest && region === engine.region && row.servedName === engine.model;
    if (!isIt || Math.floor(engine.replicaEpoch / limits.startsPerEpochMax) !== epoch) return false;
    const serves = state === ReplicaState.REPLICA_STATE_READY || state === ReplicaState.REPLICA_STATE_DEGRADED;
    return serves && weightPercent > 0;
  }

  /** Regions that serve one of the deployments and have a word of everybody who demands one. */
  #permitted(deployments: readonly Deployment[], words: readonly string[]): readonly string[] {
    const regions = deployments.flatMap((deployment) =>
      deployment.regions
        .map(({ region }) => region)
        .filter((region) => this.#lies(region, words) && this.#lies(region, deployment.residency)),
    );
    return [...new Set(regions)];
  }

  #lies(region: string, words: readonly string[]): boolean {
    return words.length === 0 || words.some((word) => this.#residency.get(region)?.has(word) === true);
  }
}

function elsewhere(code: 'residency_violation' | 'region_unavailable', message: string, regions: readonly string[]) {
  return new ReticleError(code, message, { param: 'allowed_regions', details: { allowed_regions: regions.join(',') } });
}
