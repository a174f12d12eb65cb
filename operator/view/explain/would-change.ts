import type { StoredReplica } from '@reticle/operator/plan';
import { gateText, isOpen } from './causes.ts';
import { replicasOf, type Pool, type Subject, type World } from './world.ts';

/** Ways out that are named. */
const WAYS_MAX = 6;

/** What would have to happen for the replicas below a subject to have a place. */
export function wouldChange(world: World, subject: Subject): readonly string[] {
  const replicas = unplaced(world, subject);
  const ways = replicas.flatMap((replica) => waysOf(world, replica));
  const gates = subject.kind === 'CapacityPhase' ? phaseWays(world, subject.meta.name) : [];
  return [...new Set([...ways, ...gates])].slice(0, WAYS_MAX);
}

function unplaced(world: World, subject: Subject): readonly StoredReplica[] {
  const own =
    subject.kind === 'ModelDeployment' ? replicasOf(world, subject) : subject.kind === 'ModelReplica' ? [subject] : [];
  return own.filter(({ status }) => (status?.diagnostics ?? []).length > 0);
}

function waysOf(world: World, replica: StoredReplica): readonly string[] {
  return (replica.status?.diagnostics ?? []).flatMap(({ code, subject, detail }) => {
    const pool = world.snapshot.pools.get(subject);
    switch (code) {
      case 'FreeWafersShort':
      case 'SparesShort':
      case 'WafersUnknown':
        return pool === undefined ? [] : roomWays(world, pool, replica);
      case 'WindowShort':
        return [`chains in wp/${subject} move together`];
      case 'PhaseNotOpen':
        return phaseWays(world, pool?.pool.spec.phaseRef ?? '');
      case 'PoolsCordoned':
        return [`wp/${subject} is opened again`];
      default:
        return nearestIn(detail);
    }
  });
}

/** The planner's own words for the values that would fit. */
function nearestIn(detail: string): readonly string[] {
  const at = detail.indexOf('; nearest: ');
  return at < 0 ? [] : [`the chain is planned with ${detail.slice(at + '; nearest: '.length)}`];
}

/** Who could give back what is missing in a pool. */
function roomWays(world: World, { pool, wafers, free }: Pool, { spec }: StoredReplica): readonly string[] {
  const { name } = pool.meta;
  const missing = spec.inputs.shape.wafers + pool.spec.spares.minHot - free.length;
  if (missing <= 0) return [`the operator plans again: wp/${name} has ${free.length} free wafers by now`];
  const faulty = wafers.filter(({ wafer, fault }) => fault !== undefined && wafer.spec.claim === undefined).length;
  const held = heldByOthers(world, { pool, wafers, free }, spec.deployment.uid);
  const giving = [...held].filter(([, count]) => count >= missing).map(([holder]) => holder);
  return [
    ...(faulty >= missing ? [`${missing} of the ${faulty} faulty wafers in wp/${name} are repaired`] : []),
    ...giving.map((holder) => `${holder} gives back ${missing} wafers in wp/${name}`),
    ...(giving.length === 0 && faulty < missing ? [`${missing} more wafers of wp/${name} become free`] : []),
  ];
}

/** Wafers of a pool by who could give them back: chains on their way out, and other deployments; smallest first. */
function heldByOthers({ snapshot }: World, { wafers }: Pool, deploymentUid: string): ReadonlyMap<string, number> {
  const replicas = new Map([...snapshot.replicas.values()].flat().map((replica) => [replica.meta.uid, replica]));
  const held = new Map<string, number>();
  for (const { wafer } of wafers) {
    const { claim } = wafer.spec;
    const replica = replicas.get(claim?.uid ?? '');
    if (claim === undefined || replica === undefined) continue;
    const isLeaving = replica.spec.desired === 'Retire';
    if (replica.spec.deployment.uid === deploymentUid && !isLeaving) continue;
    const holder = isLeaving ? `mr/${claim.replica}, which retires,` : `md/${replica.spec.deployment.name}`;
    held.set(holder, (held.get(holder) ?? 0) + 1);
  }
  return new Map([...held].toSorted(([, a], [, b]) => a - b));
}

function phaseWays({ snapshot }: World, name: string): readonly string[] {
  const phase = snapshot.phases.get(name);
  if (phase === undefined || isOpen(phase)) return [];
  const gates = (phase.status?.gates ?? []).filter(({ state }) => state === 'Pending' || state === 'Failed');
  const { online } = phase.spec.schedule;
  const when = online === undefined ? '' : `, planned to be online at ${online}`;
  if (gates.length === 0) return [`cph/${name} is accepted${when}`];
  return gates.map((gate) => `cph/${name} passes gate ${gate.name} (${gateText(gate)})${when}`);
}
