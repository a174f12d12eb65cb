/**
 * Fake nodes and the life of their pods, by kwok: thousands of them without a machine. A fake node is Ready from its
 * creation on, a pod on it Ready from its binding until it is deleted. A build of kwok has no stages of its own.
 */
import { apiVersionOf, resources, type KubeManifest } from '@reticle/operator/cluster';

const FAKE = 'kwok.x-k8s.io/node';
/** Keeps pods that do not mean it off fake nodes. */
const TAINT = { key: FAKE, value: 'fake', effect: 'NoSchedule' };
/** What a pod needs to be bound to a fake node. */
export const fakeNodeToleration = { key: FAKE, operator: 'Exists', effect: 'NoSchedule' };

type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] };

function stage(kind: 'Node' | 'Pod', name: string, selector: readonly Requirement[], next: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions: selector }, next },
  };
}

const READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const notReady: Requirement = { key: READY, operator: 'NotIn', values: ['True'] };

const nodeStatus = `
{{ $now := Now }}
phase: Running
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
addresses:
- type: InternalIP
  address: {{ NodeIP | Quote }}
- type: Hostname
  address: {{ NodeName | Quote }}
`;

const podStatus = `
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
conditions:
{{ range $type := list "Initialized" "ContainersReady" "Ready" }}
- type: {{ $type | Quote }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
`;

/** Content of a file for kwok's `--config`. */
export function kwokStages(): string {
  const living: Requirement = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
  const leaving: Requirement = { key: '.metadata.deletionTimestamp', operator: 'Exists' };
  const stages = [
    stage('Node', 'node-ready', [notReady], { statusTemplate: nodeStatus }),
    stage('Pod', 'pod-ready', [living, notReady], { statusTemplate: podStatus }),
    stage('Pod', 'pod-gone', [leaving], { finalizers: { empty: true }, delete: true }),
  ];
  return stages.map((each) => JSON.stringify(each)).join('\n---\n');
}

export const kwokArguments: readonly string[] = [
  '--manage-all-nodes=false',
  `--manage-nodes-with-annotation-selector=${FAKE}=fake`,
  '--node-ip=10.10.0.1',
  '--cidr=10.10.0.0/16',
  '--node-lease-duration-seconds=40',
];

export type FakeNodeOptions = {
  readonly labels?: Readonly<Record<string, string>>;
  /** Beside room for pods, such as `{ 'reticle.dev/wafer': '1' }`. */
  readonly capacity?: Readonly<Record<string, string>>;
};

/** A node to create; kwok makes it Ready. */
export function fakeNode(name: string, { labels = {}, capacity = {} }: FakeNodeOptions = {}): KubeManifest {
  const room = { cpu: '64', memory: '512Gi', pods: '110', ...capacity };
  return {
    apiVersion: apiVersionOf(resources.node),
    kind: resources.node.kind,
    metadata: {
      name,
      annotations: { [FAKE]: 'fake' },
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels },
    },
    spec: { taints: [TAINT] },
    status: { capacity: room, allocatable: room },
  };
}
