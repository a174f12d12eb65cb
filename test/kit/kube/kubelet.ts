/**
 * A stand-in for the kubelets of a test cluster: nodes that exist as objects alone, whose pods run as processes of this
 * machine, each with a loopback address of its own. It mounts ConfigMaps and Secrets, probes readiness, starts again
 * what ends, and stops with grace. A device plugin's folder for the epochs of wafers is one folder per node.
 */
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryLogger, systemClock, systemRandom } from '@reticle/core/process';
import {
  apiVersionOf,
  Cache,
  microTimeText,
  Reflector,
  resources,
  timeText,
  type Kube,
  type KubeObject,
  type Resource,
} from '@reticle/operator/cluster';
import { PodProcess, type ReadinessProbe } from './pod-process.ts';

/** A node lease is good for 40 s. */
const BEAT_MS = 5_000;
const WAFER_FOLDER = '/var/lib/reticle/wafers';
const WAFER_RESOURCE = 'reticle.dev/wafer';
const secrets: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };

type Container = {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly readinessProbe?: {
    readonly grpc?: { readonly port: number };
    readonly tcpSocket?: { readonly port: number };
  };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
};
type Volume = {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
};
type PodSpec = {
  readonly nodeName?: string;
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
};
type Running = { readonly process: PodProcess; readonly startedAt: string; readonly ip: string };

export class Kubelet implements AsyncDisposable {
  readonly #kube: Kube;
  readonly #folder = mkdtempSync(join(tmpdir(), 'reticle-kubelet-'));
  readonly #cache = new Cache<KubeObject>({ resource: resources.pod, read: (pod) => pod });
  readonly #reflector: Reflector;
  readonly #nodes = new Set<string>();
  readonly #dead = new Set<string>();
  readonly #ips = new Map<string, string>();
  readonly #running = new Map<string, Running>();
  /** Pods that are being started or stopped. */
  readonly #busy = new Set<string>();
  readonly #net = `127.${randomInt(16, 250)}`;
  #nextIp = 1;
  #beat: NodeJS.Timeout | undefined;

  constructor(kube: Kube) {
    this.#kube = kube;
    const log = memoryLogger();
    this.#reflector = new Reflector({ kube, cache: this.#cache, clock: systemClock, random: systemRandom, log });
    this.#cache.onChange(({ value }) => void this.#look(value));
  }

  start(): void {
    this.#reflector.start();
    this.#beat = setInterval(() => void this.#beats(), BEAT_MS);
  }

  /** A node that is Ready, with room for wafers. */
  async addNode(name: string, wafers: number, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const made = await this.#kube.create(resources.node, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec: {},
    });
    if (!made.ok) throw new Error(`node ${name}: ${made.failure.message}`);
    const room = { cpu: '1000', memory: '1000Gi', pods: '1000', [WAFER_RESOURCE]: String(wafers) };
    await this.#nodeStatus(name, { ready: true, status: { capacity: room, allocatable: room } });
    // Admission taints a new node until a controller that does not run here finds it Ready.
    await this.#kube.patch(resources.node, { name }, { kind: 'merge', body: { spec: { taints: null } } });
    this.#nodes.add(name);
    await this.#beatOf(name);
  }

  /** The machine is gone: its processes with it, and nobody says so but the cluster. */
  async loseNode(name: string): Promise<void> {
    this.#dead.add(name);
    for (const pod of this.#cache.values()) {
      if (specOf(pod).nodeName === name) await this.#running.get(pod.metadata.uid)?.process.kill();
    }
    await this.#nodeStatus(name, { ready: false, status: {} });
  }

  /** Process of a running pod. */
  processOf(pod: string): PodProcess | undefined {
    const found = this.#cache.values().find(({ metadata }) => metadata.name === pod);
    return found === undefined ? undefined : this.#running.get(found.metadata.uid)?.process;
  }

  /** Names of the pods that run. */
  pods(): string[] {
    const uids = new Set(this.#running.keys());
    return this.#cache.values().flatMap(({ metadata }) => (uids.has(metadata.uid) ? [metadata.name] : []));
  }

  /** What all processes last said, for a test that failed. */
  logs(): string {
    return this.pods()
      .map((name) => `--- ${name}\n${this.processOf(name)?.log ?? ''}`)
      .join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat);
    this.#reflector.stop();
    await Promise.all([...this.#running.values()].map(({ process }) => process.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Without them the cluster takes a node for gone; each node beats for itself. */
  async #beats(): Promise<void> {
    const alive = [...this.#nodes].filter((name) => !this.#dead.has(name));
    await Promise.all(alive.map((name) => this.#beatOf(name)));
  }

  async #beatOf(name: string): Promise<void> {
    const ref = { namespace: 'kube-node-lease', name };
    const renewTime = microTimeText(systemClock.wallMs());
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
    const beaten = await this.#kube.patch(resources.lease, ref, { kind: 'merge', body: { spec } });
    if (beaten.ok) return;
    const head = { apiVersion: apiVersionOf(resources.lease), kind: 'Lease', metadata: ref };
    await this.#kube.create(resources.lease, { ...head, spec });
  }

  async #nodeStatus(name: string, { ready, status }: { ready: boolean; status: object }): Promise<void> {
    const now = timeText(systemClock.wallMs());
    const condition = { type: 'Ready', status: ready ? 'True' : 'Unknown', reason: 'Test', message: '' };
    const conditions = [{ ...condition, lastTransitionTime: now, lastHeartbeatTime: now }];
    const body = { status: { ...status, conditions, nodeInfo: { bootID: `${this.#folder}-${name}` } } };
    const answer = await this.#kube.patch(resources.node, { name }, { kind: 'merge', body }, { subresource: 'status' });
    if (!answer.ok) throw new Error(`node ${name}: ${answer.failure.message}`);
  }

  async #look(pod: KubeObject): Promise<void> {
    const { uid, namespace = '', name } = pod.metadata;
    this.#ipOf(pod);
    if (this.#busy.has(uid) || !this.#isMine(pod)) return;
    const current = this.#cache.get(`Pod/${namespace}/${name}`);
    const isGone = current?.metadata.uid !== uid;
    const runs = this.#running.has(uid);
    if (isGone || current.metadata.deletionTimestamp !== undefined) {
      if (runs || !isGone) await this.#exclusive(pod, () => this.#stop(pod, isGone));
    } else if (!runs) await this.#exclusive(pod, () => this.#run(pod));
  }

  #isMine(pod: KubeObject): boolean {
    const { nodeName } = specOf(pod);
    return nodeName !== undefined && this.#nodes.has(nodeName) && !this.#dead.has(nodeName);
  }

  async #exclusive(pod: KubeObject, work: () => Promise<void>): Promise<void> {
    const { uid, namespace = '', name } = pod.metadata;
    this.#busy.add(uid);
    try {
      await work();
    } finally {
      this.#busy.delete(uid);
    }
    const current = this.#cache.get(`Pod/${namespace}/${name}`);
    if (current !== pod) await this.#look(current?.metadata.uid === uid ? current : pod);
  }

  async #run(pod: KubeObject): Promise<void> {
    const { containers, volumes = [] } = specOf(pod);
    const [container] = containers;
    if (container === undefined) return;
    const ip = this.#ipOf(pod);
    const folders = await this.#mounts(pod, container, volumes);
    const place = (text: string): string => {
      const local = folders.find(({ mountPath }) => text.startsWith(mountPath));
      const known = local === undefined ? text : join(local.folder, text.slice(local.mountPath.length));
      return known.replaceAll('$(POD_IP)', ip);
    };
    const args = [...(container.command ?? []), ...(container.args ?? [])].map(place);
    const process = new PodProcess({
      command: [...args, '--hosts', this.#hostsFile(pod)],
      ip,
      probe: probeOf(container),
      onChange: () => void this.#tell(pod),
    });
    this.#running.set(pod.metadata.uid, { process, startedAt: timeText(systemClock.wallMs()), ip });
    await this.#tell(pod);
  }

  async #stop(pod: KubeObject, isGone: boolean): Promise<void> {
    const { uid, namespace = '', name } = pod.metadata;
    const graceMs = 1_000 * (specOf(pod).terminationGracePeriodSeconds ?? 30);
    await this.#running.get(uid)?.process.stop(graceMs);
    this.#running.delete(uid);
    if (!isGone) await this.#kube.delete(resources.pod, { namespace, name }, { uid, graceSeconds: 0 });
  }

  /** Writes what a pod mounts to this machine. */
  async #mounts(pod: KubeObject, container: Container, volumes: readonly Volume[]) {
    const { uid, namespace = '' } = pod.metadata;
    const folders = [{ mountPath: WAFER_FOLDER, folder: join(this.#folder, 'wafers', specOf(pod).nodeName ?? '') }];
    for (const { name, mountPath } of container.volumeMounts ?? []) {
      const volume = volumes.find((each) => each.name === name);
      const folder = join(this.#folder, uid, name);
      mkdirSync(folder, { recursive: true });
      for (const [file, text] of Object.entries(await this.#content(namespace, volume))) {
        writeFileSync(join(folder, file), text);
      }
      folders.push({ mountPath, folder });
    }
    return folders;
  }

  async #content(namespace: string, volume: Volume | undefined): Promise<Record<string, string>> {
    const { configMap, secret } = volume ?? {};
    const name = configMap?.name ?? secret?.secretName ?? '';
    const read = await this.#kube.get(configMap === undefined ? secrets : resources.configMap, { namespace, name });
    if (!read.ok) throw new Error(`volume ${name}: ${read.failure.message}`);
    const data = (read.value['data'] ?? {}) as Record<string, string>;
    if (configMap !== undefined) return data;
    const decoded = Object.entries(data).map(([file, text]) => [file, Buffer.from(text, 'base64').toString()]);
    return Object.fromEntries(decoded) as Record<string, string>;
  }

  /** Names of all pods that are known, as the cluster's name service would have them. */
  #hostsFile(pod: KubeObject): string {
    const path = join(this.#folder, `${pod.metadata.uid}.hosts`);
    const lines = this.#cache.values().map((each) => {
      const { hostname = each.metadata.name, subdomain = '' } = specOf(each);
      return `${this.#ipOf(each)} ${hostname}.${subdomain}.${each.metadata.namespace ?? ''}.svc`;
    });
    writeFileSync(path, lines.join('\n'));
    return path;
  }

  #ipOf({ metadata }: KubeObject): string {
    const known = this.#ips.get(metadata.uid);
    if (known !== undefined) return known;
    const ip = `${this.#net}.${this.#nextIp >> 8}.${this.#nextIp & 255}`;
    this.#nextIp += 1;
    this.#ips.set(metadata.uid, ip);
    return ip;
  }

  async #tell(pod: KubeObject): Promise<void> {
    const { uid, namespace = '', name } = pod.metadata;
    const running = this.#running.get(uid);
    if (running === undefined || this.#dead.has(specOf(pod).nodeName ?? '')) return;
    const { process, startedAt, ip } = running;
    const now = timeText(systemClock.wallMs());
    const truth = (type: string, holds: boolean): object => {
      return { type, status: holds ? 'True' : 'False', lastTransitionTime: now };
    };
    const [container] = specOf(pod).containers;
    const body = {
      metadata: { uid },
      status: {
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        startTime: startedAt,
        conditions: [
          truth('PodScheduled', true),
          truth('Initialized', true),
          truth('ContainersReady', process.ready),
          truth('Ready', process.ready),
        ],
        containerStatuses: [
          {
            name: container?.name ?? '',
            image: container?.image ?? '',
            imageID: '',
            ready: process.ready,
            restartCount: process.restarts,
            state: { running: { startedAt } },
          },
        ],
      },
    };
    await this.#kube.patch(resources.pod, { namespace, name }, { kind: 'merge', body }, { subresource: 'status' });
  }
}

function specOf(pod: KubeObject): PodSpec {
  return pod.spec as PodSpec;
}

function probeOf({ readinessProbe }: Container): ReadinessProbe {
  const { grpc, tcpSocket } = readinessProbe ?? {};
  return grpc === undefined ? { kind: 'tcp', port: tcpSocket?.port ?? 0 } : { kind: 'grpc', port: grpc.port };
}
