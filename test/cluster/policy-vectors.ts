/** Requests that the admission policies of the chart must let through or refuse: who asks, what, and the words of a no. */
import { operatorUser } from '@reticle/operator/api/access';
import { baseOf, type JsonObject } from '@reticle/operator/api/vectors';
import type { ApiCall } from '../kit/kube/api-call.ts';

export type PolicyVector = ApiCall & { readonly what: string };

export type PolicyRow = {
  /** Of the ValidatingAdmissionPolicy. */
  readonly policy: string;
  readonly accept: readonly PolicyVector[];
  readonly refuse: readonly (PolicyVector & { readonly says: string })[];
};

/** Claim of the wafer `held`. */
export const holder = {
  namespace: 'reticle-models',
  replica: 'r-a-0',
  uid: '6f0c2e9a-1d54-4c51-9a44-0d6f3b7a1c11',
  stage: 0,
  replicaEpoch: 1,
  planDigest: `sha256:${'0'.repeat(64)}`,
};

/** Kubernetes' own cluster-admin is refused like everybody: absent `as` is the administrator. */
const as = operatorUser();
const GROUP = '/apis/reticle.dev/v1alpha1';
const MODELS = `${GROUP}/namespaces/reticle-models`;
const PODS = '/api/v1/namespaces/reticle-models/pods';
const DIGEST = `registry.example/reticle@sha256:${'0'.repeat(64)}`;

const post = (what: string, path: string, body: object, by?: string): PolicyVector => ({
  what,
  method: 'POST',
  path,
  body,
  ...(by === undefined ? {} : { as: by }),
});
const patch = (what: string, path: string, body: object, by?: string): PolicyVector => ({
  ...post(what, path, body, by),
  method: 'PATCH',
});
const remove = (what: string, path: string, by?: string): PolicyVector => ({
  what,
  method: 'DELETE',
  path,
  ...(by === undefined ? {} : { as: by }),
});
const saying = (says: string, vectors: readonly PolicyVector[]) => vectors.map((vector) => ({ ...vector, says }));

/** A base object under another name, with fields of its spec changed. */
function changed(kind: Parameters<typeof baseOf>[0], name: string, spec: JsonObject = {}): object {
  const base = baseOf(kind);
  return {
    ...base,
    metadata: { ...(base['metadata'] as JsonObject), name },
    spec: { ...(base['spec'] as JsonObject), ...spec },
  };
}

const statusPaths = [
  `${GROUP}/waferclasses/wse3`,
  `${GROUP}/waferpools/free`,
  `${GROUP}/wafers/free`,
  `${GROUP}/capacityphases/free`,
  `${GROUP}/accesstiers/fast`,
  `${GROUP}/tenants/acme`,
  `${MODELS}/models/agent-1t-v2`,
  `${MODELS}/modeldeployments/agent-1t`,
  `${MODELS}/modelreplicas/r-a-0`,
];
const seen = { status: { observedGeneration: 1 } };

type Container = Readonly<Record<string, unknown>>;
const container: Container = { name: 'engine', image: DIGEST, securityContext: { allowPrivilegeEscalation: false } };

/** An engine pod as the operator makes it, with fields of its container or its spec changed. */
export function enginePod(
  name: string,
  change: { readonly container?: Container; readonly spec?: object } = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { 'reticle.dev/replica-uid': holder.uid, 'reticle.dev/role': 'head' } },
    spec: {
      schedulingGates: [{ name: 'reticle.dev/committed' }, { name: 'example.com/other' }],
      securityContext: { runAsNonRoot: true },
      containers: [{ ...container, ...change.container }],
      ...change.spec,
    },
  };
}

/** As an engine pod, but nobody's: its labels are not ours. */
export function lookalikePod(name: string): object {
  return { ...enginePod(name), metadata: { name, labels: { app: 'shop' } } };
}

export const plainPod = (name: string, labels: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name: 'any', image: 'any:latest' }] },
});

const labelled = (labels: object) => ({ metadata: { labels } });
const gates = (...names: readonly string[]) => ({ spec: { schedulingGates: names.map((name) => ({ name })) } });
const ephemeral = (of: Container) => ({ spec: { ephemeralContainers: [{ name: 'debug', image: DIGEST, ...of }] } });
const quiet = { securityContext: { allowPrivilegeEscalation: false } };
const withContext = (securityContext: Container) => ({
  container: { securityContext: { allowPrivilegeEscalation: false, ...securityContext } },
});

export const policyRows: readonly PolicyRow[] = [
  {
    policy: 'reticle-status',
    accept: statusPaths.map((path) => patch(path, `${path}/status`, seen, as)),
    refuse: saying('status is written by the operator alone', [
      ...statusPaths.map((path) => patch(path, `${path}/status`, seen)),
      patch('an account of that name elsewhere', `${GROUP}/wafers/free/status`, seen, 'stranger'),
    ]),
  },
  {
    policy: 'reticle-replica-spec',
    accept: [
      post('made by the operator', `${MODELS}/modelreplicas`, changed('ModelReplica', 'r-b-0'), as),
      patch('retired by the operator', `${MODELS}/modelreplicas/r-a-0`, { spec: { desired: 'Retire' } }, as),
      patch(
        'annotated by an editor',
        `${MODELS}/modelreplicas/r-a-0`,
        { metadata: { annotations: { 'reticle.dev/retire-requested': 'true' } } },
        'editor',
      ),
    ],
    refuse: saying('the spec of a ModelReplica is written by the operator alone', [
      post('made by an administrator', `${MODELS}/modelreplicas`, changed('ModelReplica', 'r-b-0')),
      patch('retired by an editor', `${MODELS}/modelreplicas/r-a-0`, { spec: { desired: 'Retire' } }, 'editor'),
      patch('retired by an administrator', `${MODELS}/modelreplicas/r-a-0`, { spec: { desired: 'Retire' } }),
    ]),
  },
  {
    policy: 'reticle-wafer-claim',
    accept: [
      post('made by the operator', `${GROUP}/wafers`, changed('Wafer', 'another'), as),
      patch('claimed by the operator', `${GROUP}/wafers/free`, { spec: { epoch: 4, claim: holder } }, as),
      patch('released by the operator', `${GROUP}/wafers/held`, { spec: { claim: null } }, as),
      patch(
        'closed by an administrator of capacity',
        `${GROUP}/wafers/held`,
        { spec: { service: 'Cordon', serviceReason: 'fan noise' } },
        'capacity-admin',
      ),
    ],
    refuse: [
      ...saying('claim and epoch of a Wafer are written by the operator alone', [
        patch('claimed', `${GROUP}/wafers/free`, { spec: { epoch: 4, claim: holder } }),
        patch('claimed for another epoch', `${GROUP}/wafers/held`, {
          spec: { epoch: 5, claim: { ...holder, replicaEpoch: 2 } },
        }),
        patch('released', `${GROUP}/wafers/held`, { spec: { claim: null } }, 'capacity-admin'),
      ]),
      ...saying('Wafers are made by the operator alone', [
        post('made by hand', `${GROUP}/wafers`, changed('Wafer', 'another')),
      ]),
    ],
  },
  {
    policy: 'reticle-held-wafers',
    accept: [
      remove('free', `${GROUP}/wafers/free`, 'capacity-admin'),
      remove('free, by the operator', `${GROUP}/wafers/free`, as),
    ],
    refuse: saying('wafer is held by reticle-models/r-a-0 (retire that ModelReplica first)', [
      remove('held', `${GROUP}/wafers/held`, 'capacity-admin'),
      remove('held, by an administrator', `${GROUP}/wafers/held`),
      remove('held, by the operator', `${GROUP}/wafers/held`, as),
      remove('all at once', `${GROUP}/wafers`),
    ]),
  },
  {
    policy: 'reticle-held-capacity',
    accept: ['waferpools', 'capacityphases'].map((plural) => remove(`free ${plural}`, `${GROUP}/${plural}/free`)),
    refuse: saying('held by Wafer/held, ModelReplica/reticle-models/r-a-0 (drain them first)', [
      remove('a pool', `${GROUP}/waferpools/held`, 'capacity-admin'),
      remove('a phase', `${GROUP}/capacityphases/held`),
    ]),
  },
  {
    policy: 'reticle-engine-pods',
    accept: [
      post('made by the operator', PODS, enginePod('new'), as),
      post('of somebody else', PODS, plainPod('new', { app: 'shop' })),
      patch('labelled otherwise', `${PODS}/engine`, labelled({ team: 'a' })),
      patch('committed by the operator', `${PODS}/engine`, gates('example.com/other'), as),
      patch('let go by another’s controller', `${PODS}/engine`, gates('reticle.dev/committed')),
    ],
    refuse: [
      ...saying('labels reticle.dev/… of a pod are given by the operator alone', [
        post('posing as a head', PODS, enginePod('new')),
        patch('made a head later', `${PODS}/lookalike`, labelled({ 'reticle.dev/role': 'head' })),
        patch('of another replica', `${PODS}/engine`, labelled({ 'reticle.dev/replica-uid': 'x' })),
        patch('hidden', `${PODS}/engine`, labelled({ 'reticle.dev/replica-uid': null, 'reticle.dev/role': null })),
      ]),
      ...saying('the gate reticle.dev/committed is taken off by the operator alone', [
        patch('let go by hand', `${PODS}/engine`, gates('example.com/other')),
      ]),
    ],
  },
  {
    policy: 'reticle-engine-images',
    accept: [
      post(
        'by tag and digest',
        PODS,
        enginePod('new', { container: { image: `reticle:1@${DIGEST.split('@')[1]}` } }),
        as,
      ),
      post('of somebody else', PODS, plainPod('new')),
      patch('debugged by digest', `${PODS}/engine/ephemeralcontainers`, ephemeral(quiet)),
      patch('somebody else’s debugged', `${PODS}/plain/ephemeralcontainers`, ephemeral({ image: 'busybox' })),
    ],
    refuse: saying('images of engine pods are named by digest, not', [
      post('by tag', PODS, enginePod('new', { container: { image: 'reticle:1' } }), as),
      post(
        'first by tag',
        PODS,
        enginePod('new', { spec: { initContainers: [{ ...container, name: 'i', image: 'a:1' }] } }),
        as,
      ),
      patch('debugged by tag', `${PODS}/engine/ephemeralcontainers`, ephemeral({ image: 'busybox', ...quiet })),
      patch('replaced by tag', `${PODS}/engine`, { spec: { containers: [{ ...container, image: 'reticle:2' }] } }, as),
    ]),
  },
  {
    policy: 'reticle-engine-privileges',
    accept: [
      post('without any', PODS, enginePod('new'), as),
      post('somebody else’s', PODS, { ...plainPod('new'), spec: { ...privileged('any'), hostNetwork: true } }),
    ],
    refuse: [
      ...saying('these containers of an engine pod hold a privilege: engine', [
        post(
          'privileged',
          PODS,
          enginePod('new', withContext({ privileged: true, allowPrivilegeEscalation: true })),
          as,
        ),
        post('not said', PODS, enginePod('new', { container: { securityContext: {} } }), as),
        post('with a capability', PODS, enginePod('new', withContext({ capabilities: { add: ['NET_ADMIN'] } })), as),
      ]),
      ...saying('these containers of an engine pod hold a privilege: debug', [
        patch(
          'debugged with one',
          `${PODS}/engine/ephemeralcontainers`,
          ephemeral({ securityContext: { privileged: true } }),
        ),
        patch('debugged with a default', `${PODS}/engine/ephemeralcontainers`, ephemeral({})),
      ]),
      ...saying('engine pods do not run as root', [
        post('as user 0', PODS, enginePod('new', withContext({ runAsUser: 0 })), as),
        post('allowed to', PODS, enginePod('new', withContext({ runAsNonRoot: false })), as),
        post('not said', PODS, enginePod('new', { spec: { securityContext: {} } }), as),
      ]),
      ...saying('engine pods share nothing of their host', [
        ...['hostNetwork', 'hostPID', 'hostIPC'].map((field) =>
          post(field, PODS, enginePod('new', { spec: { [field]: true } }), as),
        ),
        post('hostPath', PODS, enginePod('new', { spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] } }), as),
      ]),
    ],
  },
  {
    policy: 'reticle-facts-residency',
    accept: [
      post('carried', `${MODELS}/modeldeployments`, inRegions(['us'], 'us-east')),
      post('asking for none', `${MODELS}/modeldeployments`, inRegions([], 'us-east', 'eu-north')),
      post('a region without facts', `${MODELS}/modeldeployments`, inRegions(['us'], 'us-south')),
    ],
    refuse: saying('residency us is not carried by eu-north', [
      post('a region of another residency', `${MODELS}/modeldeployments`, inRegions(['us'], 'us-east', 'eu-north')),
      patch('added later', `${MODELS}/modeldeployments/agent-1t`, {
        spec: { residency: ['us'], regions: [{ region: 'eu-north', replicas: 1 }] },
      }),
    ]),
  },
  {
    policy: 'reticle-facts-contract',
    accept: [
      post('all that is left', `${GROUP}/capacityphases`, ofMegawatts(500)),
      patch('less than before', `${GROUP}/capacityphases/free`, { spec: { power: { megawatts: 1 } } }),
      patch('more by what is left', `${GROUP}/capacityphases/free`, { spec: { power: { megawatts: 750 } } }),
    ],
    refuse: saying('contract msa-1 has 500 of 750 MW left, not 501', [
      post('one more than is left', `${GROUP}/capacityphases`, ofMegawatts(501)),
      patch('grown past it', `${GROUP}/capacityphases/free`, { spec: { power: { megawatts: 751 } } }),
    ]),
  },
];

function privileged(name: string): object {
  return { containers: [{ name, image: 'any', securityContext: { privileged: true } }] };
}

function inRegions(residency: string[], ...names: readonly string[]): object {
  return changed('ModelDeployment', 'new', { residency, regions: names.map((region) => ({ region, replicas: 1 })) });
}

function ofMegawatts(megawatts: number): object {
  return changed('CapacityPhase', 'new', { power: { megawatts } });
}
