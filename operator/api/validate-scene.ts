import { tiers } from '@reticle/core/domain';
import type { ReticleObject } from './kinds.ts';
import type { ModelDeployment } from './model-deployment.ts';
import { suggest } from './suggest.ts';
import { problemAt, type Problem, type Segments } from './problem.ts';
import type { Tenant } from './tenant.ts';
import { checkPlaces } from './validate-places.ts';

/** A problem that needs several objects, and the object that has to change. */
export type SceneProblem = Problem & {
  /** Position of the object in the list that was validated. */
  readonly index: number;
  /** `Kind/name`. */
  readonly subject: string;
  /** Kind of the object that was looked for in vain, when `code` is `reference`. */
  readonly missing?: ReticleObject['kind'];
};

/** An object and its position in the list. */
export type Placed<T extends ReticleObject> = { readonly index: number; readonly object: T };
/** The objects that are checked, by kind. */
export type SceneObjects = {
  readonly [K in ReticleObject['kind']]: readonly Placed<Extract<ReticleObject, { kind: K }>>[];
};
type Complaint =
  | { readonly code: 'duplicate' | 'range' | 'conflict' }
  | { readonly code: 'reference'; readonly missing: ReticleObject['kind'] };
export type Report = (placed: Placed<ReticleObject>, segments: Segments, complaint: Complaint, message: string) => void;

/**
 * Checks a set of decoded objects against each other: unique names, references that exist, a pool for each
 * region of a deployment, contexts that fit the model, served names, slots and key ids that do not clash, contracts that hold (OPERATOR §3). The list's
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
  checkPlaces(scene, report);
  for (const deployment of scene.ModelDeployment) {
    checkModel(scene, deployment, report);
    checkRegions(scene, deployment, report);
  }
  refuseServedNameClashes(scene.ModelDeployment, report);
  refuseKeyClashes(scene.Tenant, report);
  return problems.toSorted((a, b) => a.index - b.index);
}

/** `Kind/name`, as messages name an object. */
export function subjectOf(object: ReticleObject): string {
  return `${object.kind}/${object.metadata.name}`;
}

function sortByKind(objects: readonly ReticleObject[]): SceneObjects {
  const of = <K extends ReticleObject['kind']>(kind: K) =>
    objects.flatMap((object, index) =>
      object.kind === kind ? [{ index, object: object as Extract<ReticleObject, { kind: K }> }] : [],
    );
  return {
    WaferClass: of('WaferClass'),
    WaferPool: of('WaferPool'),
    CapacityPhase: of('CapacityPhase'),
    Wafer: of('Wafer'),
    AccessTier: of('AccessTier'),
    Tenant: of('Tenant'),
    Model: of('Model'),
    ModelDeployment: of('ModelDeployment'),
    ModelReplica: of('ModelReplica'),
  };
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

function checkModel({ Model: models }: SceneObjects, placed: Placed<ModelDeployment>, report: Report): void {
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

function checkRegions({ WaferPool: pools }: SceneObjects, placed: Placed<ModelDeployment>, report: Report): void {
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
