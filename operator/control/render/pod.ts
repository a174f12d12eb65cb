import { planName, COMMIT_GATE, type ChildBody, type StoredReplica } from '@reticle/operator/plan';
import { WAFER_RESOURCE } from '../labels.ts';

/** Port of every pod of a chain (`services/main/pod`). */
export const POD_PORT = 7_400;
/** File of the chain document in its ConfigMap. */
export const CHAIN_FILE = 'chain.json';
const CHAIN_FOLDER = '/etc/reticle/chain';
const KEYS_FOLDER = '/etc/reticle/keys';
/** A device plugin mounts it on real hosts (OPERATOR §23). */
const WAFER_FOLDER = '/var/lib/reticle/wafers';
/** Engines drain themselves within this on SIGTERM, beyond the deployment's own bound. */
const GRACE_EXTRA_SECONDS = 30;
/** What the engine's health service is asked for (OPERATOR §4). */
const ENGINE_SERVICE = 'reticle.engine.v1';

/** What the operator's configuration says of all pods. */
export type PodOptions = {
  /** Of deployments that name none. */
  readonly image: string;
  /** `nats://host:port` of the cell; by region, where the operator has several. */
  readonly nats: string | Readonly<Record<string, string>>;
  /** Secret with `nats.seed` and `engine.key`, in every namespace of engines. */
  readonly keysSecret: string;
  readonly drainSeconds: number;
};

/** One stage of a chain, pinned to the host of its wafer and held back until the whole chain is committed. */
export function podSpec({ meta, spec }: StoredReplica, body: ChildBody, options: PodOptions): object {
  const { name, epoch, stage = 0, node } = body;
  const { engine } = spec.inputs;
  const args = ['--plan', `${CHAIN_FOLDER}/${CHAIN_FILE}`, '--stage', String(stage), '--wafer-state', WAFER_FOLDER];
  const nats = typeof options.nats === 'string' ? options.nats : (options.nats[spec.region] ?? '');
  const net = ['--bind', '$(POD_IP)', '--port', String(POD_PORT), '--nats', nats, '--keys', KEYS_FOLDER];
  return {
    schedulingGates: [{ name: COMMIT_GATE }],
    hostname: name,
    subdomain: meta.name,
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: options.drainSeconds + GRACE_EXTRA_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    ...(node === undefined ? {} : { affinity: pinned(node) }),
    tolerations: [{ key: WAFER_RESOURCE, operator: 'Exists', effect: 'NoSchedule' }],
    containers: [
      {
        name: 'engine',
        image: engine.image ?? options.image,
        command: ['node', 'services/main/pod/pod-engine.ts'],
        args: [...args, ...net],
        env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        ports: [{ name: 'engine', containerPort: POD_PORT, protocol: 'TCP' }],
        resources: resourcesOf(engine.resources, node !== undefined),
        readinessProbe: {
          periodSeconds: 1,
          failureThreshold: 1,
          ...(stage === 0 ? { grpc: { port: POD_PORT, service: ENGINE_SERVICE } } : { tcpSocket: { port: POD_PORT } }),
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'chain', mountPath: CHAIN_FOLDER, readOnly: true },
          { name: 'keys', mountPath: KEYS_FOLDER, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'chain', configMap: { name: planName(meta.name, epoch) } },
      { name: 'keys', secret: { secretName: options.keysSecret, defaultMode: 0o440 } },
    ],
  };
}

/** The API refuses `nodeName` on a gated pod; an affinity to one name comes to the same. */
function pinned(node: string): object {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } },
  };
}

type Asked = { readonly cpuMilli?: number | undefined; readonly memoryBytes?: number | undefined } | undefined;

function resourcesOf(asked: Asked, takesWafer: boolean): object {
  const requests = {
    ...(asked?.cpuMilli === undefined ? {} : { cpu: `${asked.cpuMilli}m` }),
    ...(asked?.memoryBytes === undefined ? {} : { memory: String(asked.memoryBytes) }),
  };
  const wafer = takesWafer ? { [WAFER_RESOURCE]: '1' } : {};
  return { requests: { ...requests, ...wafer }, limits: wafer };
}
