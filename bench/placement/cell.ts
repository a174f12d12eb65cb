/** A cell of wafers with chains of one length on all of them: unplanned, and at rest once its plan has been carried out. */
import type { Action, Facts, PodFact, Snapshot } from '@reticle/operator/plan';
import { deployment, DIGEST, facts, fullPool, model, NOW_MS, replica, waferClass } from '@reticle/operator/plan/kit';

const SLOTS = 64;
const CHAIN = 21;
const CHAINS_PER_POOL = Math.floor((SLOTS - 1) / CHAIN);
const CHAINS_PER_DEPLOYMENT = 24;

/** Pools, deployments and a replica for every chain that fits, none of them placed. */
export function unplanned(wafers: number, revision: string): Facts {
  const pools = Array.from({ length: Math.max(1, Math.round(wafers / SLOTS)) }, (_, index) =>
    fullPool(`p${String(index).padStart(4, '0')}`, SLOTS),
  );
  const chains = pools.length * CHAINS_PER_POOL;
  const deployments = Array.from({ length: Math.ceil(chains / CHAINS_PER_DEPLOYMENT) }, (_, index) => {
    const replicas = Math.min(CHAINS_PER_DEPLOYMENT, chains - index * CHAINS_PER_DEPLOYMENT);
    return deployment(`d${String(index).padStart(2, '0')}`, { regions: [{ region: 'us-east', replicas }] });
  });
  const replicas = deployments.flatMap(({ meta, spec }) =>
    Array.from({ length: spec.regions[0]?.replicas ?? 0 }, (_, ordinal) =>
      replica(`${meta.name}-${ordinal}`, {
        deployment: { name: meta.name, uid: meta.uid },
        region: 'us-east',
        ordinal,
        revision,
        inputs: { modelDigest: DIGEST, engine: spec.engine, shape: spec.shape },
      }),
    ),
  );
  return facts({
    objects: [waferClass(), model(), ...pools.flatMap(({ objects }) => objects), ...deployments, ...replicas],
    nodes: pools.flatMap(({ nodes }) => nodes),
  });
}

/** The same cell with every plan claimed, committed, bound and Ready. */
export function carriedOut(given: Facts, actions: readonly Action[]): Facts {
  const plans = new Map(
    actions.flatMap((action) => (action.kind === 'writePlan' ? [[action.target.uid, action.body]] : [])),
  );
  const claims = new Map<string, object>();
  const pods: PodFact[] = [];
  const objects = given.objects.map((object) => {
    const body = object.kind === 'ModelReplica' ? plans.get(object.meta.uid) : undefined;
    if (object.kind !== 'ModelReplica' || body === undefined) return object;
    const { uid, name, namespace = '' } = object.meta;
    for (const { wafer = '', stage } of body.plan.stages) {
      const claim = { namespace, replica: name, uid, stage, replicaEpoch: body.epoch, planDigest: body.plan.digest };
      claims.set(wafer, { epoch: 1, claim });
      pods.push(readyPod({ uid, name, stage, epoch: body.epoch }));
    }
    return { ...object, spec: { ...object.spec, ...body, fence: { ...body.fence, outcome: 'Committed' as const } } };
  });
  const claimed = objects.map((object) =>
    object.kind === 'Wafer' ? { ...object, spec: { ...object.spec, ...claims.get(object.meta.name) } } : object,
  );
  return { ...given, objects: claimed, pods };
}

type Stage = { readonly uid: string; readonly name: string; readonly stage: number; readonly epoch: number };

function readyPod({ uid, name, stage, epoch }: Stage): PodFact {
  const pod = `${name}-${epoch}-${stage}`;
  return {
    namespace: 'models',
    name: pod,
    uid: `uid-${pod}`,
    resourceVersion: '1',
    replicaUid: uid,
    epoch,
    stage,
    phase: 'Running',
    ready: true,
    readySinceMs: NOW_MS,
    gates: [],
    restarts: 0,
  };
}

/** The cell with the statuses that a plan writes, so that the next plan writes none. */
export function withStatuses(given: Facts, actions: readonly Action[]): Facts {
  const statuses = new Map(
    actions.flatMap((action) => (action.kind === 'setStatus' ? [[action.target.uid, action.body.status]] : [])),
  );
  const objects = given.objects.map((object) => {
    const status = statuses.get(object.meta.uid);
    // A plan makes each status for the kind of its target.
    return status === undefined ? object : ({ ...object, status } as typeof object);
  });
  return { ...given, objects };
}

/** Chains that pools of this size hold by arithmetic, the bound of any placement (WAFER §7 R7). */
export function chainsBound(snapshot: Snapshot): number {
  return snapshot.pools.size * CHAINS_PER_POOL;
}
