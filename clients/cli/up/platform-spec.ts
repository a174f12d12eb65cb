import type { LocalAccess, LocalChain, LocalPlatformSpec, TlsPair } from '@reticle/core/domain';
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
import { localAccess, type GatewayFile } from './local-access.ts';

const HOST = '127.0.0.1';

/** What the command line says about the platform. */
export type PlatformOptions = {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Of the first process's metrics; 0: any. */
  readonly metricsPort: number;
  /** Gateway workers: processes that serve one port together. */
  readonly gateways: number;
  /** Engines per model; undefined: what each deployment says. */
  readonly replicas: number | undefined;
  /** `none`, `embedded`, or the URL of a running server. */
  readonly nats: string;
  /** Configuration of the gateway's door. */
  readonly gatewayFile?: GatewayFile;
  /** Of the OpenAI surfaces. */
  readonly tls?: TlsPair;
  /** Folder of the playground's build. */
  readonly playground: string;
};

/** A chain, and how many engines run it. */
export type PlatformChain = LocalChain & { readonly replicas: number };

export type PlatformSpec = Omit<LocalPlatformSpec, 'chains'> & {
  readonly gateways: number;
  readonly nats: string;
  readonly chains: readonly PlatformChain[];
  readonly access: LocalAccess;
};

/** What the local platform shall run. Throws one `ManifestError` for everything that it cannot. */
export function platformSpec(scene: Scene, options: PlatformOptions): PlatformSpec {
  const { grpcPort, httpPort, metricsPort, gateways, nats, gatewayFile, playground, tls } = options;
  const problems: ManifestProblem[] = [];
  const chains = scene.deployments.flatMap((deployment) => {
    const chain = chainOf(scene, deployment, options.replicas ?? replicasOf(deployment));
    if ('servedName' in chain) return [chain];
    problems.push({ file: 'the scene', subject: subjectOf(deployment), ...chain });
    return [];
  });
  if (chains.length === 0 && problems.length === 0) {
    problems.push({ file: 'the scene', reason: 'holds no ModelDeployment (add one)' });
  }
  if (problems.length > 0) throw new ManifestError(problems);
  const region = regionOf(scene);
  const access = accessOf(scene, gatewayFile);
  const wanted = { grpcPort, httpPort, metricsPort, gateways, nats, ...(tls === undefined ? {} : { tls }) };
  return { region, host: HOST, ...wanted, chains, access, playground };
}

/** Who may come in where the scene's deployments run. Throws one `ManifestError` for what does not fit together. */
export function accessOf(scene: Scene, file?: GatewayFile): LocalAccess {
  const region = regionOf(scene);
  return localAccess(scene, { region, residency: residencyOf(scene, region) }, file);
}

function regionOf({ deployments }: Scene): string {
  return deployments[0]?.spec.regions[0]?.region ?? 'local';
}

/** Words that every pool of the region carries: a turn may run in any of them. */
function residencyOf({ waferPools }: Scene, region: string): readonly string[] {
  const [first, ...others] = waferPools.filter(({ spec }) => spec.region === region).map(({ spec }) => spec.residency);
  return (first ?? []).filter((word) => others.every((each) => each.includes(word)));
}

type Refusal = { readonly field: string; readonly reason: string };

function replicasOf({ spec }: Pick<ModelDeployment, 'spec'>): number {
  const region = spec.regions[0];
  return region?.replicas ?? region?.scaling?.min ?? 1;
}

function chainOf(scene: Scene, deployment: ModelDeployment, replicas: number): PlatformChain | Refusal {
  return unsupported(deployment) ?? placed(scene, deployment, replicas);
}

function unsupported({ spec }: ModelDeployment): Refusal | undefined {
  if (spec.engine.driver !== 'WaferSim') {
    return { field: 'spec.engine.driver', reason: 'a local platform runs WaferSim only (use WaferSim)' };
  }
  if (spec.regions.length > 1) {
    return { field: 'spec.regions', reason: 'a local platform is one region (keep one)' };
  }
  if (replicasOf({ spec }) < 1) {
    return { field: 'spec.regions', reason: 'a local platform runs at least one replica (set replicas to 1)' };
  }
  return undefined;
}

function placed(scene: Scene, deployment: ModelDeployment, replicas: number): PlatformChain | Refusal {
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
  const most = Math.floor(poolSize(pool) / replicas);
  const wafers = wafersOf({ geometry, profile, wanted: shape.wafers, most });
  if (wafers === undefined) {
    const times = replicas === 1 ? '' : ` ${replicas} times`;
    return { field: 'spec.shape.wafers', reason: `the model does not fit${times} (the pool has ${poolSize(pool)})` };
  }
  return { ...served(deployment, model), geometry, profile, wafers, replicas };
}

function served(deployment: ModelDeployment, model: Model): Omit<LocalChain, 'geometry' | 'profile' | 'wafers'> {
  const { contextTokens, digest, defaults } = model.spec;
  const args = waferSimArgs(deployment.spec.engine.args);
  const { tokens = 'code', length = 'natural', pace = 'timer', seed = '0', script } = args;
  return {
    servedName: deployment.spec.servedName,
    modelDigest: digest,
    contextTokens,
    maxOutputTokens: defaults.maxOutputTokens ?? contextTokens,
    defaults: { instructions: defaults.instructions, toolPolicy: defaults.toolPolicy },
    engine: { tokens, length, pace, seed: Number(seed), ...(script === undefined ? {} : { script }) },
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
  /** What one engine may take. */
  readonly most: number;
};

function wafersOf({ geometry, profile, wanted, most }: Placement): number | undefined {
  const fits = (wafers: number): boolean => planChain({ geometry, profile, wafers }) !== undefined;
  if (wanted > 0) return wanted <= most && fits(wanted) ? wanted : undefined;
  for (let wafers = 1; wafers <= most; wafers++) if (fits(wafers)) return wafers;
  return undefined;
}
