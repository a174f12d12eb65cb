import type { LocalChain, LocalPlatformSpec } from '@reticle/core/domain';
import { planChain, type ModelGeometry, type WaferProfile } from '@reticle/core/domain/wafer';
import {
  subjectOf,
  toGeometry,
  toProfile,
  waferSimArgs,
  type Model,
  type ModelDeployment,
  type WaferPool,
} from '@reticle/operator/api';
import { ManifestError, type ManifestProblem } from '../manifests/manifest-error.ts';
import type { Scene } from '../manifests/load-manifests.ts';

const HOST = '127.0.0.1';

/** What the local platform shall run. Throws one `ManifestError` for everything that it cannot. */
export function platformSpec(scene: Scene, grpcPort: number): LocalPlatformSpec {
  const problems: ManifestProblem[] = [];
  const chains = scene.deployments.flatMap((deployment) => {
    const chain = chainOf(scene, deployment);
    if ('servedName' in chain) return [chain];
    problems.push({ file: 'the scene', subject: subjectOf(deployment), ...chain });
    return [];
  });
  if (chains.length === 0 && problems.length === 0) {
    problems.push({ file: 'the scene', reason: 'holds no ModelDeployment (add one)' });
  }
  if (problems.length > 0) throw new ManifestError(problems);
  return { region: regionOf(scene), host: HOST, grpcPort, chains };
}

function regionOf({ deployments }: Scene): string {
  return deployments[0]?.spec.regions[0]?.region ?? 'local';
}

type Refusal = { readonly field: string; readonly reason: string };

function chainOf(scene: Scene, deployment: ModelDeployment): LocalChain | Refusal {
  return unsupported(deployment) ?? placed(scene, deployment);
}

function unsupported({ spec }: ModelDeployment): Refusal | undefined {
  if (spec.engine.driver !== 'WaferSim') {
    return { field: 'spec.engine.driver', reason: 'a local platform runs WaferSim only (use WaferSim)' };
  }
  const region = spec.regions[0];
  if (spec.regions.length > 1 || (region?.replicas ?? region?.scaling?.min ?? 1) !== 1) {
    return { field: 'spec.regions', reason: 'a local platform runs one replica in one region (keep one)' };
  }
  return undefined;
}

function placed(scene: Scene, deployment: ModelDeployment): LocalChain | Refusal {
  const { modelRef, regions, shape } = deployment.spec;
  // References were checked with the scene: a missing object would have been named there.
  const model = scene.models.find(({ metadata }) => metadata.name === modelRef.name);
  const pool = scene.waferPools.find(({ spec }) => spec.region === regions[0]?.region);
  const waferClass = scene.waferClasses.find(({ metadata }) => metadata.name === pool?.spec.classRef);
  if (model === undefined || pool === undefined || waferClass === undefined) {
    return { field: 'spec.modelRef', reason: 'model, pool or wafer class is missing (add it)' };
  }
  const geometry = toGeometry(model);
  const profile = toProfile(waferClass);
  const wafers = wafersOf({ geometry, profile, wanted: shape.wafers, pool });
  if (wafers === undefined) {
    return { field: 'spec.shape.wafers', reason: `the model does not fit (the pool has ${poolSize(pool)})` };
  }
  return { ...served(deployment, model), geometry, profile, wafers };
}

function served(deployment: ModelDeployment, model: Model): Omit<LocalChain, 'geometry' | 'profile' | 'wafers'> {
  const { contextTokens, digest, defaults } = model.spec;
  const { tokens = 'code', length = 'natural', pace = 'timer', seed = '0' } = waferSimArgs(deployment.spec.engine.args);
  return {
    servedName: deployment.spec.servedName,
    modelDigest: digest,
    contextTokens,
    maxOutputTokens: defaults.maxOutputTokens ?? contextTokens,
    engine: { tokens, length, pace, seed: Number(seed) },
  };
}

function poolSize({ spec }: WaferPool): number {
  return 'simulated' in spec.source ? (spec.source.simulated?.wafers ?? 0) : 0;
}

type Placement = {
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  /** 0: the fewest that fit. */
  readonly wanted: number;
  readonly pool: WaferPool;
};

function wafersOf({ geometry, profile, wanted, pool }: Placement): number | undefined {
  const most = poolSize(pool);
  const fits = (wafers: number): boolean => planChain({ geometry, profile, wafers }) !== undefined;
  if (wanted > 0) return wanted <= most && fits(wanted) ? wanted : undefined;
  for (let wafers = 1; wafers <= most; wafers++) if (fits(wafers)) return wafers;
  return undefined;
}
