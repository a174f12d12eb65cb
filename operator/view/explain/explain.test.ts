import { describe, expect, test } from '@jest/globals';
import {
  kinds,
  noFitCodes,
  reasonMessage,
  reasonNames,
  reasons,
  type Condition,
  type NoFitCode,
  type Reason,
  type ShortName,
} from '@reticle/operator/api';
import {
  deployment,
  facts,
  fullPool,
  model,
  nodeOf,
  NOW_MS,
  phase,
  pool,
  replica,
  tier,
  wafer,
  waferClass,
} from '@reticle/operator/plan/kit';
import type { Facts, PodFact, StoredObject, StoredReplica } from '@reticle/operator/plan';
import { dryRun } from '../dry-run/dry-run.ts';
import { namedObject } from '../kind-word.ts';
import { drawExplanation } from './draw-explanation.ts';
import { explain } from './explain.ts';
import type { Evidence, StoredTenant, Subject } from './world.ts';

const MINUTE_MS = 60_000;
const AGO = '2027-01-15T07:56:00Z';

function evidence(given: Partial<Facts>, more: Partial<Evidence> = {}): Evidence {
  const none = { tenants: [], unreadable: [], unseen: [], operatorSeenMs: NOW_MS - 3_000 };
  return { facts: facts(given), ...none, ...more };
}

function asked(text: string, of: Evidence): string {
  const named = namedObject(text);
  if ('wrong' in named) throw new Error(named.wrong);
  const explanation = explain(of, named);
  return 'wrong' in explanation ? JSON.stringify(explanation) : drawExplanation(explanation);
}

const condition = (type: Condition['type'], status: Condition['status'], reason: Reason): Condition => ({
  type,
  status,
  reason,
  message: reasonMessage(reason, 'the detail'),
  observedGeneration: 1,
  lastTransitionTime: AGO,
});

const inputs = {
  modelDigest: `sha256:${'9b'.repeat(32)}`,
  engine: { driver: 'WaferSim' },
  shape: { contextTokensMean: 96_300, streams: 30, wafers: 21 },
};
const aReplica = (status: object, spec: object = {}): StoredReplica =>
  replica(
    'agent-x-0',
    {
      deployment: { name: 'agent', uid: 'uid-ModelDeployment-agent' },
      region: 'us-east',
      ordinal: 0,
      revision: 'q7m2xa',
      inputs,
      ...spec,
    },
    { status: status as NonNullable<StoredReplica['status']> },
  );

const tenant: StoredTenant = {
  kind: 'Tenant',
  meta: { ...tier('fast').meta, name: 'acme', uid: 'uid-acme' },
  spec: { displayName: 'Acme' } as StoredTenant['spec'],
};

/** An object of each kind. */
const objects: Readonly<Record<ShortName, Subject>> = {
  wc: waferClass(),
  wp: pool('p0'),
  wf: wafer('p0', 0),
  cph: phase('ph', {}, { state: 'Online' }),
  at: tier('fast'),
  tn: tenant,
  mdl: model(),
  md: deployment('agent'),
  mr: aReplica({}),
};

/** The object with a status of one condition. */
function saying(short: ShortName, said: Condition): Evidence {
  // A status of one condition is a status of every kind.
  const object = { ...objects[short], status: { observedGeneration: 1, conditions: [said] } } as Subject;
  return object.kind === 'Tenant' ? evidence({}, { tenants: [object] }) : evidence({ objects: [object] });
}

const nameOf = (short: ShortName): string => `${short}/${objects[short].meta.name}`;

describe('explain', () => {
  test.each(reasonNames.map((reason) => ({ reason })))('golden of $reason', ({ reason }) => {
    const { kinds: of, class: group } = reasons[reason];
    const [short = 'md'] = of;
    const type = short === 'md' || short === 'mr' ? 'Ready' : 'Accepted';
    const text = asked(nameOf(short), saying(short, condition(type, group === 'ok' ? 'True' : 'False', reason)));
    expect(text).toMatchSnapshot();
    if (group !== 'ok') expect(text).toContain(reasons[reason].next);
  });

  test.each(Object.values(kinds).map(({ shortName }) => ({ shortName })))(
    'an object of $shortName without a status is not judged, and that is said',
    ({ shortName }) => {
      const object = objects[shortName];
      const bare = { ...object, status: undefined } as unknown as Subject;
      const of = bare.kind === 'Tenant' ? evidence({}, { tenants: [bare] }) : evidence({ objects: [bare] });
      expect(asked(nameOf(shortName), of)).toContain(
        `${nameOf(shortName)} has no status: no operator has looked at it`,
      );
    },
  );

  const detail: Readonly<Partial<Record<NoFitCode, string>>> = {
    KvShort: 'KvShort mr/agent-x-0: need 131,072 tokens of one session, have 0; nearest: S=21 (30 streams)',
  };
  test.each(noFitCodes.map((code) => ({ code })))('golden of noFit $code', ({ code }) => {
    const place = { phaseRef: 'ph', service: 'Cordon', serviceReason: 'cooling' };
    const spec = code === 'PhaseNotOpen' ? { phaseRef: 'ph' } : code === 'PoolsCordoned' ? place : {};
    const own = fullPool('p0', 24, spec);
    const gates = [{ name: 'burn-in', state: 'Pending' as const, observed: 61, required: 72 }];
    const said = condition('Ready', 'False', 'NoFit');
    const diagnostics = [{ code, subject: 'p0', detail: detail[code] ?? `${code} p0: need 22 of it, have 19` }];
    const status = { observedGeneration: 1, phase: 'NoFit', conditions: [said], diagnostics };
    const all = [phase('ph', {}, { state: 'BurnIn', since: AGO, gates }), ...own.objects, aReplica(status)];
    expect(asked('mr/agent-x-0', evidence({ objects: all, nodes: own.nodes }))).toMatchSnapshot();
  });

  test('walks from a deployment to the wafers that would do, by the statuses of a real plan', () => {
    const own = fullPool('p0', 43, { fabric: { slots: 43 } });
    const two = deployment('agent', { regions: [{ region: 'us-east', replicas: 2 }] });
    const other = deployment('batch', { shape: { contextTokensMean: 96_300, streams: 30, wafers: 22 } });
    const nodes = own.nodes.map((node, slot) => (slot === 42 ? { ...node, waferHealthy: false } : node));
    const run = dryRun(facts({ objects: [waferClass(), model(), ...own.objects, other, two], nodes }));
    const { after } = run;
    const wafers = [...after.pools.values()].flatMap((state) => [
      state.pool,
      ...state.wafers.map((each) => each.wafer),
    ]);
    const live: StoredObject[] = [
      ...wafers,
      ...after.models.values(),
      ...after.classes.values(),
      ...after.deployments.values(),
      ...[...after.replicas.values()].flat(),
    ];
    const at = { nowMs: NOW_MS + 4 * MINUTE_MS, objects: live, nodes, pods: [...after.pods.values()].flat() };
    const text = asked('md/agent', evidence(at, { operatorSeenMs: NOW_MS }));
    expect(text).toMatchSnapshot();
    expect(text).toMatch(/^md\/agent in models NOT READY \(capacity\): NoFit, us-east 0\/2\n/);
    expect(text).toContain('(for 4 min)');
    expect(text).toContain('no operator leads: the lease was last renewed 240 s ago');
    expect(asked('md/batch', evidence(at))).toContain('md/batch in models READY');
  });

  test('a chain that is being reserved says its claims, pods and wafers', () => {
    const own = fullPool('p0', 3, { fabric: { slots: 3 } });
    const stages = [0, 1].map((stage) => ({
      wafer: `p0-w00${stage}`,
      waferEpoch: 1,
      stage,
      firstLayer: stage,
      lastLayer: stage,
      weightBytes: 1,
      kvBytes: 1,
      reserveBytes: 1,
    }));
    const digest = `sha256:${'5e'.repeat(32)}`;
    const spec = {
      epoch: 1,
      fence: { epoch: 1, outcome: 'Pending', deadline: '2027-01-15T08:02:00Z' },
      plan: {
        revision: 1,
        digest,
        inputsDigest: digest,
        plannedFromGeneration: 1,
        pool: 'p0',
        stages,
        predicted: { tokensPerSecond: 777, streams: 30, kvTokens: 1 },
      },
    };
    const said = { observedGeneration: 1, conditions: [condition('Ready', 'False', 'ExternallyGated')] };
    const reserved = aReplica(said, spec);
    const claim = {
      namespace: 'models',
      replica: 'agent-x-0',
      uid: reserved.meta.uid,
      stage: 0,
      replicaEpoch: 1,
      planDigest: digest,
    };
    const claimed = wafer('p0', 0, { claim, epoch: 1 });
    const others = own.objects.filter(({ meta }) => meta.name !== claimed.meta.name);
    const pod = (stage: number, more: Partial<PodFact>): PodFact => ({
      namespace: 'models',
      name: `agent-x-0-1-${stage}`,
      uid: `pod-${stage}`,
      resourceVersion: '1',
      replicaUid: reserved.meta.uid,
      epoch: 1,
      stage,
      phase: 'Pending',
      ready: false,
      readySinceMs: NOW_MS - MINUTE_MS,
      gates: [],
      restarts: 0,
      ...more,
    });
    const pods = [
      pod(0, { gates: ['reticle.dev/committed', 'example.com/queue'] }),
      pod(1, { waiting: 'ErrImagePull', restarts: 2 }),
    ];
    const nodes = own.nodes.map((node, slot) =>
      slot === 0 ? nodeOf(claimed, { ready: false, readySinceMs: 0 }) : node,
    );
    expect(asked('mr/agent-x-0', evidence({ objects: [reserved, claimed, ...others], nodes, pods }))).toMatchSnapshot();
  });

  test('a wafer names its pool, its holder and its fault; a phase its gates and where capacity is lost', () => {
    const own = wafer('p0', 0, { phaseRef: 'ph' });
    const gates = [
      { name: 'speed', state: 'Failed' as const, observed: 91, required: 95, at: AGO },
      { name: 'power', state: 'Pending' as const, required: 95 },
      { name: 'burn-in', state: 'Passed' as const },
    ];
    const ledger = [{ step: 'accepted', unit: 'wafers', expected: 100, observed: 80, lostHere: true }];
    const ph = phase('ph', {}, { state: 'BurnIn', since: AGO, gates, ledger, observedGeneration: 1 });
    const of = evidence({ objects: [pool('p0'), own, ph], nodes: [nodeOf(own, { waferHealthy: false })] });
    expect([asked('wf/p0-w000', of), asked('cph/ph', of)].join('\n')).toMatchSnapshot();
  });

  test('conditions of an earlier generation are not believed', () => {
    const said = { ...condition('Ready', 'True', 'AllReplicasReady'), observedGeneration: 0 };
    const text = asked('md/agent', saying('md', said));
    expect(text).toContain('NOT JUDGED');
    const behind = { ...deployment('agent'), status: { observedGeneration: 0, conditions: [said] } };
    expect(asked('md/agent', evidence({ objects: [behind] }))).toContain(
      'of generation 0, its spec of 1: nobody has judged',
    );
  });

  test.each([
    { lease: NOW_MS - 2_000, want: 'an operator renewed its lease 2 s ago' },
    { lease: NOW_MS - 60_000, want: 'no operator leads: the lease was last renewed 60 s ago' },
    { lease: undefined, want: 'no operator holds a lease' },
  ])('says whether somebody keeps the statuses: $want', ({ lease, want }) => {
    expect(asked('md/agent', evidence({ objects: [deployment('agent')] }, { operatorSeenMs: lease }))).toContain(want);
  });

  test('says what the user may not read', () => {
    const text = asked('md/agent', evidence({ objects: [deployment('agent')] }, { unseen: ['pods', 'leases'] }));
    expect(text).toContain('you may not read pods, leases: nothing is said of them');
    expect(text).not.toContain('lease was');
  });

  test('what is not there, what is there twice, and what cannot be read', () => {
    const twins = ['a', 'b'].map((namespace) => {
      const own = deployment('agent');
      return { ...own, meta: { ...own.meta, namespace, uid: namespace } };
    });
    const problems = [
      { segments: ['spec'], path: 'spec.speed', code: 'unknown-field' as const, message: 'is not a field' },
    ];
    const of = evidence(
      { objects: twins },
      { unreadable: [{ kind: 'WaferPool', name: 'p9', problems: problems as never }] },
    );
    expect(asked('md/agent', of)).toBe(
      '{"wrong":"several namespaces have md/agent","near":["md/a/agent","md/b/agent"]}',
    );
    expect(asked('md/b/agent', of)).toContain('md/agent in b NOT JUDGED');
    expect(asked('md/other', of)).toBe('{"wrong":"there is no md/other","near":["md/agent","md/agent"]}');
    expect(asked('wp/p9', of)).toMatch(
      /^wp\/p9 NOT OK \(config\): UnsupportedVersion\n {2}wp\/p9 {2}spec.speed is not a field/,
    );
  });
});
