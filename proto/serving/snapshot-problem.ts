import type { ServingSnapshot } from '../gen/reticle/serving/v1/ServingSnapshot.ts';

/** Most rows of each kind: above them something has gone wrong where they come from (PROMISES P26). */
const ROWS_MAX = {
  regions: 64,
  deployments: 10_000,
  replicas: 20_000,
  tiers: 4,
  tenants: 50_000,
  phases: 1_000,
} as const;
const KEYS_MAX = 64;
const SECRETS_MAX = 2;
const HMAC_BYTES = 32;
const PERCENT_MAX = 100;
const DIGEST = /^(sha256:)?[0-9a-f]{64}$/;
const ENGINE_ID = /^[a-z2-7]{26}$/;
const KEY_ID = /^[0-9A-Za-z]{8}$/;

/** The first thing that no good snapshot has, as `field: what`; undefined for a good one. */
export function snapshotProblem(snapshot: ServingSnapshot): string | undefined {
  return (
    headProblem(snapshot) ??
    sizeProblem(snapshot) ??
    regionProblem(snapshot) ??
    deploymentProblem(snapshot) ??
    replicaProblem(snapshot) ??
    accessProblem(snapshot)
  );
}

/** The first row that fails a check, by its field. */
function first<T>(field: string, rows: readonly T[], check: (row: T, index: number) => string | undefined) {
  for (const [index, row] of rows.entries()) {
    const problem = check(row, index);
    if (problem !== undefined) return `${field}[${index}].${problem}`;
  }
  return undefined;
}

/** The first of some fields that is empty. */
function blank(fields: Readonly<Record<string, string | number>>): string | undefined {
  const found = Object.entries(fields).find(([, value]) => value === '' || value === 0);
  return found === undefined ? undefined : `${found[0]}: blank`;
}

function twice(field: string, names: readonly string[]): string | undefined {
  return new Set(names).size === names.length ? undefined : `${field}: twice`;
}

function headProblem({ cell, region, term, seq, regions }: ServingSnapshot): string | undefined {
  const missing = blank({ cell, region, term, seq });
  if (missing !== undefined) return missing;
  return regions.some(({ name }) => name === region) ? undefined : 'region: not among regions';
}

function sizeProblem(snapshot: ServingSnapshot): string | undefined {
  // Sound because the table names fields that are lists.
  const names = Object.keys(ROWS_MAX) as (keyof typeof ROWS_MAX)[];
  const over = names.find((name) => snapshot[name].length > ROWS_MAX[name]);
  return over === undefined ? undefined : `${over}: too many`;
}

function regionProblem({ regions }: ServingSnapshot): string | undefined {
  const names = regions.map(({ name }) => name);
  return (
    twice('regions', names) ??
    first('regions', regions, ({ name, residency }) => {
      // A region whose pools have no word in common has none.
      if (residency.includes('')) return 'residency: blank';
      return blank({ name });
    })
  );
}

function deploymentProblem({ deployments, regions }: ServingSnapshot): string | undefined {
  const known = new Set(regions.map(({ name }) => name));
  return (
    twice(
      'deployments',
      deployments.map(({ uid }) => uid),
    ) ??
    first('deployments', deployments, ({ uid, namespace, name, servedName, regions: own, tiers }) => {
      const missing = blank({ uid, namespace, name, servedName });
      if (missing !== undefined) return missing;
      if (own.length === 0) return 'regions: blank';
      if (own.some(({ region }) => !known.has(region))) return 'regions: unknown';
      return tiers.some(({ tier }) => tier === 0) ? 'tiers: blank' : undefined;
    })
  );
}

function replicaProblem({ replicas, deployments, regions }: ServingSnapshot): string | undefined {
  const [places, owners] = [new Set(regions.map(({ name }) => name)), new Set(deployments.map(({ uid }) => uid))];
  return (
    twice(
      'replicas',
      replicas.map(({ engineId }) => engineId),
    ) ??
    first('replicas', replicas, (row) => {
      const { uid, namespace, name, engineId, epoch, state, headAddress, modelDigest, planDigest } = row;
      const missing = blank({ uid, namespace, name, engineId, epoch, state, headAddress });
      if (missing !== undefined) return missing;
      if (!ENGINE_ID.test(engineId)) return 'engine_id: malformed';
      if (!DIGEST.test(modelDigest) || !DIGEST.test(planDigest)) return 'digest: malformed';
      if (!places.has(row.region)) return 'region: unknown';
      if (!owners.has(row.deploymentUid)) return 'deployment_uid: unknown';
      return row.weightPercent > PERCENT_MAX ? 'weight_percent: out of range' : undefined;
    })
  );
}

function accessProblem({ tenants, tiers }: ServingSnapshot): string | undefined {
  const keys = tenants.flatMap((tenant) => tenant.keys.map(({ id }) => id));
  return (
    twice(
      'tenants',
      tenants.map(({ name }) => name),
    ) ??
    twice('keys', keys) ??
    first('tiers', tiers, ({ tier }) => blank({ tier })) ??
    first('tenants', tenants, (tenant) => {
      if (tenant.name === '') return 'name: blank';
      if (!isServed(tenant)) return 'tiers: blank';
      if (tenant.keys.length > KEYS_MAX) return 'keys: too many';
      return first('keys', tenant.keys, keyProblem);
    })
  );
}

type Key = ServingSnapshot['tenants'][number]['keys'][number];

function keyProblem(key: Key): string | undefined {
  const { id, hmacs } = key;
  if (!KEY_ID.test(id)) return 'id: malformed';
  if (hmacs.length === 0 || hmacs.length > SECRETS_MAX) return 'hmacs: not one or two';
  if (hmacs.some((hmac) => hmac.length !== HMAC_BYTES)) return 'hmacs: malformed';
  return isServed({ elsewhere: key.elsewhere, tiers: key.tiers.map((tier) => ({ tier })) })
    ? undefined
    : 'tiers: blank';
}

/** Tiers, or why there are none. */
function isServed({ tiers, elsewhere }: { readonly tiers: readonly { readonly tier: number }[]; elsewhere: number }) {
  return tiers.length > 0 !== (elsewhere !== 0) && tiers.every(({ tier }) => tier !== 0);
}
