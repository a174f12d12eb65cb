import { tiers } from '@reticle/core/domain';
import type { ReticleObject } from './kinds.ts';
import type { ModelDeployment } from './model-deployment.ts';
import type { Model } from './model.ts';
import { suggest } from './suggest.ts';
import { problemAt, type Problem, type Segments } from './problem.ts';
import type { Tenant } from './tenant.ts';
import type { WaferPool } from './wafer-pool.ts';

/** A problem that needs several objects, and the object that has to change. */
export type SceneProblem = Problem & {
  /** Position of the object in the list that was validated. */
  readonly index: number;
  /** `Kind/name`. */
  readonly subject: string;
  /** Kind of the object that was looked for in vain, when `code` is `reference`. */
  readonly missing?: ReticleObject['kind'];
};

type Placed<T extends ReticleObject> = { readonly index: number; readonly object: T };
type Scene = {
  readonly classNames: readonly string[];
  readonly pools: readonly Placed<WaferPool>[];
  readonly models: readonly Placed<Model>[];
  readonly deployments: readonly Placed<ModelDeployment>[];
  readonly tenants: readonly Placed<Tenant>[];
};
type Complaint =
  | { readonly code: 'duplicate' | 'range' | 'conflict' }
  | { readonly code: 'reference'; readonly missing: ReticleObject['kind'] };
type Report = (placed: Placed<ReticleObject>, segments: Segments, complaint: Complaint, message: string) => void;

/**
 * Checks a set of decoded objects against each other: unique names, references that exist, a pool for each
 * region of a deployment, contexts that fit the model, served names and key ids that do not clash (OPERATOR §3). The list's
 * order stands for creation order: of two clashing objects the later one is refused. All problems at once.
 */
export function validateScene(objects: readonly ReticleObject[]): readonly SceneProblem[] {
  const problems: SceneProblem[] = [];
  const report: Report = ({ index, object }, segments, complaint, message) => {
    const problem = problemAt(segments, complaint.code, message);
    problems.push({ ...problem, ...complaint, index, subject: subjectOf(object) });
  };
  const scene = sortByKind(objects);
  refuseDuplicateNames(objects, report);
  for (const pool of scene.pools) checkPool(scene, pool, report);
  for (const deployment of scene.deployments) {
    checkModel(scene, deployment, report);
    checkRegions(scene, deployment, report);
  }
  refuseServedNameClashes(scene.deployments, report);
  refuseKeyClashes(scene.tenants, report);
  return problems.toSorted((a, b) => a.index - b.index);
}

/** `Kind/name`, as messages name an object. */
export function subjectOf(object: ReticleObject): string {
  return `${object.kind}/${object.metadata.name}`;
}

function sortByKind(objects: readonly ReticleObject[]): Scene {
  const classNames: string[] = [];
  const pools: Placed<WaferPool>[] = [];
  const models: Placed<Model>[] = [];
  const deployments: Placed<ModelDeployment>[] = [];
  const tenants: Placed<Tenant>[] = [];
  for (const [index, object] of objects.entries()) {
    switch (object.kind) {
      case 'WaferClass':
        classNames.push(object.metadata.name);
        break;
      case 'WaferPool':
        pools.push({ index, object });
        break;
      case 'Model':
        models.push({ index, object });
        break;
      case 'ModelDeployment':
        deployments.push({ index, object });
        break;
      case 'Tenant':
        tenants.push({ index, object });
        break;
      case 'AccessTier':
        // Complete in itself: its name is its place.
        break;
    }
  }
  return { classNames, pools, models, deployments, tenants };
}

function refuseDuplicateNames(objects: readonly ReticleObject[], report: Report): void {
  const seen = new Set<string>();
  for (const [index, object] of objects.entries()) {
    const namespace = 'namespace' in object.metadata ? object.metadata.namespace : '';
    const key = `${object.kind}/${namespace}/${object.metadata.name}`;
    if (seen.has(key)) {
      const where = namespace === '' ? '' : ` in namespace ${namespace}`;
      report(
        { index, object },
        ['metadata', 'name'],
        { code: 'duplicate' },
        `is already taken${where} (rename or remove one)`,
      );
    }
    seen.add(key);
  }
}

function checkPool({ classNames }: Scene, placed: Placed<WaferPool>, report: Report): void {
  const { classRef, source, fabric } = placed.object.spec;
  if (!classNames.includes(classRef)) {
    const message = `no WaferClass is named "${classRef}" (${suggest(classRef, classNames, 'there are')})`;
    report(placed, ['spec', 'classRef'], { code: 'reference', missing: 'WaferClass' }, message);
  }
  const wafers = source.simulated?.wafers ?? 0;
  if (wafers > fabric.slots) {
    const message = `${wafers} wafers do not fit ${fabric.slots} slots (lower it, or raise spec.fabric.slots)`;
    report(placed, ['spec', 'source', 'simulated', 'wafers'], { code: 'range' }, message);
  }
}

function checkModel({ models }: Scene, placed: Placed<ModelDeployment>, report: Report): void {
  const { metadata, spec } = placed.object;
  const near = models.map((model) => model.object).filter((model) => model.metadata.namespace === metadata.namespace);
  const model = near.find((candidate) => candidate.metadata.name === spec.modelRef.name);
  if (model === undefined) {
    const names = near.map((candidate) => candidate.metadata.name);
    const hint = suggest(spec.modelRef.name, names, 'there are');
    const message = `no Model is named "${spec.modelRef.name}" in namespace ${metadata.namespace} (${hint})`;
    report(placed, ['spec', 'modelRef', 'name'], { code: 'reference', missing: 'Model' }, message);
  } else if (spec.shape.contextTokensMean > model.spec.contextTokens) {
    const message =
      `${spec.shape.contextTokensMean} is more than the ${model.spec.contextTokens} tokens that ` +
      `Model/${model.metadata.name} can hold (lower it)`;
    report(placed, ['spec', 'shape', 'contextTokensMean'], { code: 'range' }, message);
  }
}

function checkRegions({ pools }: Scene, placed: Placed<ModelDeployment>, report: Report): void {
  const { regions, residency } = placed.object.spec;
  const everywhere = pools.map((pool) => pool.object);
  for (const [index, { region, pools: listed }] of regions.entries()) {
    const at: Segments = ['spec', 'regions', index];
    const local = everywhere.filter((pool) => pool.spec.region === region);
    const allowed = local.filter((pool) => listed.length === 0 || listed.includes(pool.metadata.name));
    if (local.length === 0) {
      const names = [...new Set(everywhere.map((pool) => pool.spec.region))];
      const message = `no WaferPool is in region "${region}" (${suggest(region, names, 'pools are in')})`;
      report(placed, [...at, 'region'], { code: 'reference', missing: 'WaferPool' }, message);
    } else if (
      !allowed.some((pool) => residency.every((name) => pool.spec.residency.includes(name))) &&
      allowed.length > 0
    ) {
      const message = `no WaferPool of region "${region}" carries all of ${residency.join(', ')} (change residency or pools)`;
      report(placed, ['spec', 'residency'], { code: 'conflict' }, message);
    }
    for (const [which, name] of listed.entries()) {
      if (local.some((pool) => pool.metadata.name === name)) continue;
      const names = local.map((pool) => pool.metadata.name);
      const message = `no WaferPool of region "${region}" is named "${name}" (${suggest(name, names, 'it has')})`;
      report(placed, [...at, 'pools', which], { code: 'reference', missing: 'WaferPool' }, message);
    }
  }
}

/** (served name, tier, region) is unique; a deployment without tiers serves all of them. */
function refuseServedNameClashes(deployments: readonly Placed<ModelDeployment>[], report: Report): void {
  const holders = new Map<string, string>();
  for (const placed of deployments) {
    const { spec } = placed.object;
    const served: readonly string[] = spec.tiers?.map((tier) => tier.name) ?? tiers;
    const keys = spec.regions.flatMap(({ region }) => served.map((tier) => `${spec.servedName} ${tier} ${region}`));
    const holder = keys.map((key) => holders.get(key)).find((name) => name !== undefined);
    if (holder !== undefined) {
      const message = `"${spec.servedName}" is already served by ${holder} in one of these regions and tiers (choose another)`;
      report(placed, ['spec', 'servedName'], { code: 'conflict' }, message);
    }
    for (const key of keys) if (!holders.has(key)) holders.set(key, subjectOf(placed.object));
  }
}

/** An id finds one key, whatever its tenant. */
function refuseKeyClashes(tenants: readonly Placed<Tenant>[], report: Report): void {
  const holders = new Map<string, string>();
  for (const placed of tenants) {
    for (const [index, { id }] of placed.object.spec.keys.entries()) {
      const holder = holders.get(id);
      const message = `"${id}" is a key of ${holder} already (mint another one)`;
      if (holder !== undefined) report(placed, ['spec', 'keys', index, 'id'], { code: 'conflict' }, message);
      else holders.set(id, subjectOf(placed.object));
    }
  }
}
