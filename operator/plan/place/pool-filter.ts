import type { NoFitCode } from '@reticle/operator/api';
import type { StoredDeployment, StoredPhase } from '../facts.ts';
import type { Diagnostic, Nearest } from '../nofit/diagnostic.ts';
import type { PoolState } from '../pool-state.ts';
import type { Snapshot } from '../snapshot.ts';

/** Pools of a region that a deployment may use, and why not the others. */
export type PoolFilter = {
  readonly region: string;
  readonly allowed: ReadonlySet<string>;
  /** Slots and spares of the allowed pools, as the sweep reads them. */
  readonly sizes: readonly { readonly slots: number; readonly minHot: number }[];
  readonly refused: readonly Diagnostic[];
};

type Wanted = { readonly snapshot: Snapshot; readonly deployment: StoredDeployment; readonly region: Region };
type Region = StoredDeployment['spec']['regions'][number];
type Refusal = { readonly code: NoFitCode; readonly need: string; readonly have: string; readonly nearest?: Nearest };
/** A named check of one pool; what it finds keeps the pool out (OPERATOR §9.2). */
type PoolCheck = (pool: PoolState['pool'], wanted: Wanted) => Refusal | undefined;

const isListed: PoolCheck = ({ meta }, { region: { pools } }) =>
  pools.length === 0 || pools.includes(meta.name)
    ? undefined
    : { code: 'NoPoolInRegion', need: `one of ${pools.join(', ')}`, have: meta.name };

const keepsResidency: PoolCheck = ({ spec }, { deployment }) => {
  const missing = deployment.spec.residency.filter((word) => !spec.residency.includes(word));
  if (missing.length === 0) return undefined;
  return { code: 'ResidencyForbidden', need: deployment.spec.residency.join(', '), have: spec.residency.join(', ') };
};

const hasClass: PoolCheck = ({ spec }, { snapshot }) =>
  snapshot.classes.has(spec.classRef)
    ? undefined
    : { code: 'ClassMismatch', need: `WaferClass ${spec.classRef}`, have: 'no such class' };

const phaseIsOpen: PoolCheck = ({ spec }, { snapshot }) => {
  if (spec.phaseRef === undefined || isPhaseOpen(snapshot, spec.phaseRef)) return undefined;
  const phase = snapshot.phases.get(spec.phaseRef);
  return {
    code: 'PhaseNotOpen',
    need: 'Accepted or Online',
    have: phase?.status?.state ?? 'unknown',
    nearest: { phase: spec.phaseRef, ...whenOnline(phase) },
  };
};

const isOpen: PoolCheck = ({ spec, meta }) => {
  if (meta.deletionMs !== undefined) return { code: 'PoolsCordoned', need: 'Open', have: 'being deleted' };
  return spec.service === 'Open' ? undefined : { code: 'PoolsCordoned', need: 'Open', have: spec.service };
};

const checks: readonly PoolCheck[] = [isListed, keepsResidency, hasClass, phaseIsOpen, isOpen];

/** Applies every check to every pool of the region; a region without pools refuses as a whole. */
export function poolFilter(wanted: Wanted): PoolFilter {
  const { snapshot, region } = wanted;
  const local = [...snapshot.pools.values()].filter(({ pool }) => pool.spec.region === region.region);
  const allowed = new Set<string>();
  const sizes: PoolFilter['sizes'][number][] = [];
  const refused: Diagnostic[] = [];
  for (const { pool } of local) {
    const failed = checks.map((check) => check(pool, wanted)).filter((found) => found !== undefined);
    if (failed.length === 0) {
      allowed.add(pool.meta.name);
      sizes.push({ slots: pool.spec.fabric.slots, minHot: pool.spec.spares.minHot });
    }
    refused.push(...failed.map((refusal) => diagnostic(pool.meta.name, refusal)));
  }
  if (local.length === 0) {
    const need = `a pool in ${region.region}`;
    refused.push(diagnostic(region.region, { code: 'NoPoolInRegion', need, have: 'none' }));
  }
  return { region: region.region, allowed, sizes, refused };
}

/**
 * Whether the wafers of a phase may hold chains: it is Accepted or Online (R11). An unknown phase is not, nor is one
 * that its contract does not cover.
 */
export function isPhaseOpen(snapshot: Snapshot, phase: string): boolean {
  const status = snapshot.phases.get(phase)?.status;
  const isRefused =
    status?.conditions?.some(({ type, status: value }) => type === 'Accepted' && value === 'False') ?? false;
  return !isRefused && (status?.state === 'Accepted' || status?.state === 'Online');
}

function diagnostic(subject: string, { code, need, have, nearest }: Refusal): Diagnostic {
  return { code, subject, detail: { need, have, unit: 'state', nearest: nearest === undefined ? [] : [nearest] } };
}

function whenOnline(phase: StoredPhase | undefined): Nearest {
  const { onlineP50, online } = phase?.spec.schedule ?? {};
  const at = onlineP50 ?? online;
  return at === undefined ? {} : { at };
}
