import { noFitCodes, utcMs, type NoFitCode } from '@reticle/operator/api';
import type { PodFact, StoredDeployment, StoredReplica, StoredWafer, Snapshot } from '@reticle/operator/plan';
import { badCondition, conditionCause, type Cause } from './cause.ts';
import { replicasOf, type Pool, type PoolWafer, type Subject, type World } from './world.ts';

/** Replicas, pods, wafers that are named each; the rest is counted. */
const NAMED_MAX = 3;
/** Deployment → replica → pool → phase → gate, and one to spare. */
const DEPTH_MAX = 6;

type StoredPhase = Snapshot['phases'] extends ReadonlyMap<string, infer Phase> ? Phase : never;

/** The object's own word, then what it rests on, down to the leaves. */
export function causesOf(world: World, subject: Subject, depth = 0): readonly Cause[] {
  const bad = badCondition(subject);
  const own = bad === undefined ? [] : [conditionCause(subject, bad, depth)];
  if (depth >= DEPTH_MAX) return own;
  return [...own, ...becauseOf(world, subject, depth + 1)];
}

function becauseOf(world: World, subject: Subject, depth: number): readonly Cause[] {
  switch (subject.kind) {
    case 'ModelDeployment':
      return ofDeployment(world, subject, depth);
    case 'ModelReplica':
      return ofReplica(world, subject, depth);
    case 'WaferPool':
      return ofPool(world, subject.meta.name, depth);
    case 'Wafer':
      return ofWafer(world, subject, depth);
    case 'CapacityPhase':
      return ofPhase(subject, depth);
    default:
      return [];
  }
}

function ofDeployment(world: World, deployment: StoredDeployment, depth: number): readonly Cause[] {
  const unwell = replicasOf(world, deployment)
    .filter((replica) => badCondition(replica) !== undefined)
    .toSorted((a, b) => reasonsOf(b).length - reasonsOf(a).length);
  const named = unwell.slice(0, NAMED_MAX).flatMap((replica) => causesOf(world, replica, depth));
  return [...named, ...more(unwell.length, 'replicas are not ready', depth)];
}

/** What has no place is told before what only takes its time. */
function reasonsOf({ status }: StoredReplica): readonly object[] {
  return status?.diagnostics ?? [];
}

function more(count: number, words: string, depth: number): readonly Cause[] {
  return count <= NAMED_MAX ? [] : [{ subject: `and ${count - NAMED_MAX} more`, depth, text: words }];
}

function ofReplica(world: World, replica: StoredReplica, depth: number): readonly Cause[] {
  const { spec, status } = replica;
  const pool = world.snapshot.pools.get(spec.plan?.pool ?? '');
  return [
    ...(status?.diagnostics ?? []).flatMap((diagnostic) => ofDiagnostic(world, diagnostic, depth)),
    ...retireCause(replica, depth),
    ...reserveCause(replica, pool, depth),
    ...podCauses(world.snapshot.pods.get(replica.meta.uid) ?? [], replica, depth),
    ...(pool === undefined ? [] : waferCauses(heldBy(pool, replica), depth)),
  ];
}

type Diagnostic = NonNullable<NonNullable<StoredReplica['status']>['diagnostics']>[number];

/** A code with its figures, then the pool that it speaks of. */
function ofDiagnostic(world: World, { code, subject, detail }: Diagnostic, depth: number): readonly Cause[] {
  const pool = world.snapshot.pools.get(subject);
  // The subject stands before it, and the code in front of it.
  const start = `${code} ${subject}: `;
  const text = `${code}: ${detail.startsWith(start) ? detail.slice(start.length) : detail}`;
  const cause: Cause = {
    subject: pool === undefined ? subject : `wp/${subject}`,
    depth,
    text,
    code,
    class: 'capacity',
  };
  const below = pool === undefined || !isAboutPool(code) ? [] : ofPool(world, subject, depth + 1);
  return [cause, ...below];
}

const aboutPools = new Set<NoFitCode>(
  noFitCodes.filter((code) => !['LayerExceedsSram', 'KvShort', 'FloorUnmet', 'ResidencyForbidden'].includes(code)),
);

function isAboutPool(code: NoFitCode): boolean {
  return aboutPools.has(code);
}

function retireCause({ spec, status }: StoredReplica, depth: number): readonly Cause[] {
  const { retire, epoch } = spec;
  if (retire === undefined || retire.epoch < epoch) return [];
  const sinceMs = utcMs(retire.requestedAt);
  const state = status?.phase ?? 'not seen yet';
  const text = `epoch ${retire.epoch} ends for ${retire.reason}: ${state}, drains for at most ${retire.deadlineSeconds} s`;
  return [{ subject: 'retire', depth, text, ...(sinceMs === undefined ? {} : { sinceMs }) }];
}

function reserveCause(replica: StoredReplica, pool: Pool | undefined, depth: number): readonly Cause[] {
  const { plan, fence } = replica.spec;
  if (fence?.outcome !== 'Pending' || plan === undefined) return [];
  const held = pool === undefined ? 0 : heldBy(pool, replica).length;
  const until = fence.deadline === undefined ? '' : `, until ${fence.deadline}`;
  return [{ subject: 'reserve', depth, text: `${held} of ${plan.stages.length} wafers are claimed${until}` }];
}

function heldBy({ wafers }: Pool, { meta }: StoredReplica): readonly PoolWafer[] {
  return wafers.filter(({ wafer }) => wafer.spec.claim?.uid === meta.uid);
}

function podCauses(pods: readonly PodFact[], { spec }: StoredReplica, depth: number): readonly Cause[] {
  const unready = pods.filter(({ epoch, ready }) => epoch === spec.epoch && !ready);
  const named = unready.slice(0, NAMED_MAX).map((pod) => podCause(pod, depth));
  return [...named, ...more(unready.length, 'pods are not Ready', depth)];
}

function podCause(pod: PodFact, depth: number): Cause {
  const { name, phase, gates, restarts, waiting, readySinceMs } = pod;
  const foreign = gates.filter((gate) => gate !== 'reticle.dev/committed');
  const said = [
    phase,
    ...(waiting === undefined ? [] : [waiting]),
    ...(gates.length === 0
      ? []
      : [foreign.length === 0 ? 'held until the chain is committed' : `held by ${foreign.join(', ')}`]),
    ...(restarts === 0 ? [] : [`${restarts} restarts`]),
  ];
  return { subject: `pod/${name}`, depth, text: `not Ready: ${said.join(', ')}`, sinceMs: readySinceMs };
}

function waferCauses(wafers: readonly PoolWafer[], depth: number): readonly Cause[] {
  const faulty = wafers.filter(({ fault }) => fault !== undefined);
  return [
    ...faulty.slice(0, NAMED_MAX).map((state) => waferCause(state, depth)),
    ...more(faulty.length, 'wafers have a fault', depth),
  ];
}

const faultWords: Readonly<Record<NonNullable<PoolWafer['fault']>, string>> = {
  unknown: 'its node is not there',
  lost: 'its node does not answer',
  mismatch: 'its host reports another wafer',
  unhealthy: 'it reports a fault, or too many defects',
  notBurnedIn: 'it has not passed its burn-in',
  closed: 'it or its node is closed to new chains',
  noCapacity: 'its node offers no wafer',
};

function waferCause({ wafer, node, fault }: PoolWafer, depth: number): Cause {
  const text = `slot ${wafer.spec.slot} on node ${wafer.spec.nodeName}: ${fault === undefined ? 'sound' : faultWords[fault]}`;
  const since = node === undefined || node.ready ? {} : { sinceMs: node.readySinceMs };
  return { subject: `wf/${wafer.meta.name}`, depth, text, ...since };
}

/** What the pool has at this moment, by its wafers themselves, and the phase that holds it back. */
function ofPool(world: World, name: string, depth: number): readonly Cause[] {
  const state = world.snapshot.pools.get(name);
  if (state === undefined) return [];
  const { pool, wafers, free } = state;
  const claimed = wafers.filter(({ wafer }) => wafer.spec.claim !== undefined).length;
  const faulty = wafers.filter(({ fault }) => fault !== undefined);
  const figures = `${wafers.length} wafers: ${claimed} claimed, ${free.length} free (${pool.spec.spares.minHot} kept as spares), ${faulty.length} faulty`;
  const closed =
    pool.spec.service === 'Open' ? '' : `; ${pool.spec.service}: ${pool.spec.serviceReason ?? 'no reason given'}`;
  const phase = world.snapshot.phases.get(pool.spec.phaseRef ?? '');
  return [
    { subject: `wp/${name}`, depth, text: `${figures}${closed}` },
    ...waferCauses(faulty, depth + 1),
    ...(phase === undefined || isOpen(phase) ? [] : [phaseCause(phase, depth + 1), ...ofPhase(phase, depth + 2)]),
  ];
}

/** Whether chains may stand on its wafers. */
export function isOpen({ status }: StoredPhase): boolean {
  return status?.state === 'Accepted' || status?.state === 'Online';
}

function phaseCause(phase: StoredPhase, depth: number): Cause {
  const { state = 'not seen yet', since } = phase.status ?? {};
  const sinceMs = since === undefined ? undefined : utcMs(since);
  const text = `${state}, weight ${phase.status?.weightPercent ?? 0} %`;
  return { subject: `cph/${phase.meta.name}`, depth, text, ...(sinceMs === undefined ? {} : { sinceMs }) };
}

function ofPhase({ status }: StoredPhase, depth: number): readonly Cause[] {
  const gates = (status?.gates ?? []).filter(({ state }) => state === 'Pending' || state === 'Failed');
  const lost = status?.ledger?.find(({ lostHere }) => lostHere === true);
  return [
    ...gates.map((gate): Cause => {
      const at = gate.at === undefined ? undefined : utcMs(gate.at);
      return {
        subject: `gate ${gate.name}`,
        depth,
        text: gateText(gate),
        ...(at === undefined ? {} : { sinceMs: at }),
      };
    }),
    ...(lost === undefined
      ? []
      : [
          {
            subject: 'ledger',
            depth,
            text: `lost at ${lost.step}: ${lost.observed ?? 0} of ${lost.expected} ${lost.unit}`,
          },
        ]),
  ];
}

type Gate = NonNullable<NonNullable<StoredPhase['status']>['gates']>[number];

/** How far a gate is. */
export function gateText({ state, observed, required }: Pick<Gate, 'state' | 'observed' | 'required'>): string {
  if (observed === undefined)
    return `${state}: nobody has measured it${required === undefined ? '' : `, it takes ${required}`}`;
  return `${state}: ${observed}${required === undefined ? '' : ` of ${required}`}`;
}

function ofWafer(world: World, { meta, spec }: StoredWafer, depth: number): readonly Cause[] {
  const pool = world.snapshot.pools.get(spec.poolRef);
  const state = pool?.wafers.find(({ wafer }) => wafer.meta.name === meta.name);
  const held =
    spec.claim === undefined ? 'nobody holds it' : `stage ${spec.claim.stage} of mr/${spec.claim.replica} holds it`;
  const phase = world.snapshot.phases.get(spec.phaseRef ?? '');
  return [
    { subject: `wp/${spec.poolRef}`, depth, text: pool === undefined ? 'there is no such pool' : held },
    ...(state?.fault === undefined ? [] : [waferCause(state, depth)]),
    ...(phase === undefined || isOpen(phase) ? [] : [phaseCause(phase, depth), ...ofPhase(phase, depth + 1)]),
  ];
}
