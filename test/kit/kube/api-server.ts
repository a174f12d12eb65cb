/** A real etcd and kube-apiserver on loopback; the controller manager, the scheduler and kwok on request. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { assert } from '@reticle/core/domain';
import { systemEnv } from '@reticle/core/process';
import type { ToolName } from '@reticle/core/tools';
import { KubeClient, type KubeClientOptions, type Resource } from '@reticle/operator/cluster';
import { requirePart } from '../parts.ts';
import { ClusterProcess } from './cluster-process.ts';
import { kwokArguments, kwokStages } from './kwok.ts';
import { openStateFolder, removeStateFolder } from './state-folder.ts';

const HOST = '127.0.0.1';
const READY_MS_MAX = 90_000;
const PROBE_MS_MAX = 2_000;
/** A port that was free may be taken by another process before the server has it. */
const ATTEMPTS_MAX = 3;
const ACCOUNTS = 'serviceaccount-controller';
/** What the controller manager runs unless told otherwise: for ownership, deletion, budgets, nodes and pods' accounts. */
const CONTROLLERS = [
  'garbage-collector-controller',
  'namespace-controller',
  ACCOUNTS,
  'disruption-controller',
  'node-lifecycle-controller',
  'root-ca-certificate-publisher-controller',
];

export type ApiServerOptions = {
  /** Default: the newest that is pinned. */
  readonly minor?: '1.36' | '1.33';
  /** Runs the controller manager; a list names its controllers. */
  readonly controllers?: boolean | readonly string[];
  readonly scheduler?: boolean;
  /** Runs kwok, which makes nodes of `kwok.ts` and their pods Ready. */
  readonly kwok?: boolean;
  /** Further arguments of kube-apiserver. */
  readonly args?: readonly string[];
};

type Parts = {
  readonly etcd: string;
  readonly apiServer: string;
  readonly controllerManager: string | undefined;
  readonly scheduler: string | undefined;
  readonly kwok: string | undefined;
};

/**
 * Whether every program of such a cluster can be had, found or built. Where one cannot, a line says so and how to get it;
 * with `CI=true` that is an error.
 */
export async function hasApiServer(options: ApiServerOptions = {}): Promise<boolean> {
  return (await findParts(options)) !== undefined;
}

/** Starts the servers and resolves when they are ready. Ask {@link hasApiServer} before, and skip without. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const parts = await findParts(options);
  if (parts === undefined) throw new Error('a program of the test cluster is missing');
  const server = new ApiServer(parts, options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function findParts({ minor, controllers, scheduler, kwok }: ApiServerOptions): Promise<Parts | undefined> {
  const names: Readonly<Record<keyof Parts, ToolName | undefined>> = {
    etcd: 'etcd',
    apiServer: minor === '1.33' ? 'kube-apiserver-1.33' : 'kube-apiserver',
    controllerManager: (controllers ?? false) === false ? undefined : 'kube-controller-manager',
    scheduler: scheduler === true ? 'kube-scheduler' : undefined,
    kwok: kwok === true ? 'kwok' : undefined,
  };
  const found: Partial<Record<keyof Parts, string>> = {};
  for (const [part, name] of Object.entries(names)) {
    if (name === undefined) continue;
    const path = await requirePart(name);
    if (path === undefined) return undefined;
    found[part as keyof Parts] = path;
  }
  const { etcd, apiServer, controllerManager } = found;
  assert(etcd !== undefined && apiServer !== undefined, 'both are always asked for');
  return { etcd, apiServer, controllerManager, scheduler: found.scheduler, kwok: found.kwok };
}

/** One cluster at API level; dispose it at the end. */
export class ApiServer implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #options: ApiServerOptions;
  readonly #folder: string;
  readonly #tokens: Readonly<Record<'admin' | 'controllers' | 'scheduler', string>>;
  readonly #clients: KubeClient[] = [];
  #etcd: ClusterProcess | undefined;
  #server: ClusterProcess | undefined;
  #others: ClusterProcess[] = [];
  #etcdPort = 0;
  #port = 0;

  constructor(parts: Parts, options: ApiServerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#folder = openStateFolder();
    const token = (): string => randomBytes(16).toString('hex');
    this.#tokens = { admin: token(), controllers: token(), scheduler: token() };
    this.#writeSecrets();
  }

  get url(): string {
    return `https://${HOST}:${this.#port}`;
  }

  /** Path of the administrator's kubeconfig (group `system:masters`). */
  get kubeconfig(): string {
    return join(this.#folder, 'admin.kubeconfig');
  }

  /** Path of a kubeconfig for a wire to this server: a relay on this port of loopback. Default token: the administrator's. */
  kubeconfigVia(port: number, token = this.#tokens.admin): string {
    const text = readFileSync(this.kubeconfig, 'utf8')
      .replace(this.url, `https://${HOST}:${port}`)
      .replace(this.#tokens.admin, token);
    const path = this.#path(`via-${port}-${randomBytes(4).toString('hex')}.kubeconfig`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  get port(): number {
    return this.#port;
  }

  /** A client that ends with this cluster. */
  client(options: KubeClientOptions = {}): KubeClient {
    const client = new KubeClient({ kubeconfig: this.kubeconfig, ...options });
    this.#clients.push(client);
    return client;
  }

  async start(): Promise<void> {
    await retried(() => this.#startEtcd());
    await retried(async () => {
      this.#port = await freePort();
      await this.#startServer();
    });
    for (const user of ['admin', 'controllers', 'scheduler'] as const) this.#writeKubeconfig(user);
    if (this.#parts.controllerManager !== undefined) await this.#startControllers(this.#parts.controllerManager);
    if (this.#parts.scheduler !== undefined) this.#startScheduler(this.#parts.scheduler);
    if (this.#parts.kwok !== undefined) this.#startKwok(this.#parts.kwok);
  }

  /** Stops answering, with every connection open: what a paused or overloaded server looks like. */
  freeze(): void {
    this.#server?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#server?.signal('SIGCONT');
  }

  /** The server dies, at once. etcd stays. */
  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  /** Starts a killed or stopped server again, on its port and with its data. */
  async restart(): Promise<void> {
    await this.#server?.stop();
    await this.#startServer();
  }

  /** Forgets every revision before the present one: a watch or a page from an older one is `expired` from then on. */
  async compact(): Promise<void> {
    const range = await this.#etcdCall('kv/range', { key: Buffer.from('\0').toString('base64'), count_only: true });
    const { revision } = (range as { header: { revision: string } }).header;
    await this.#etcdCall('kv/compaction', { revision, physical: true });
    // The server keeps a window of events of its own; a fresh one begins at the present revision.
    await this.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
    await Promise.all(this.#others.map((each) => each.stop()));
    // The server first: without etcd it ignores SIGTERM.
    await this.#server?.stop();
    await this.#etcd?.stop();
    removeStateFolder(this.#folder);
  }

  #writeSecrets(): void {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(this.#path('sa.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
    writeFileSync(this.#path('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const rows = [
      [this.#tokens.admin, 'admin', 'admin', '"system:masters"'],
      [this.#tokens.controllers, 'system:kube-controller-manager', 'controllers', '""'],
      [this.#tokens.scheduler, 'system:kube-scheduler', 'scheduler', '""'],
    ];
    writeFileSync(this.#path('tokens.csv'), rows.map((row) => row.join(',')).join('\n'), { mode: 0o600 });
  }

  async #startEtcd(): Promise<void> {
    this.#etcdPort = await freePort();
    const client = `http://${HOST}:${this.#etcdPort}`;
    const peer = `http://${HOST}:${await freePort()}`;
    this.#etcd = this.#launch('etcd', this.#parts.etcd, [
      `--data-dir=${this.#path('etcd')}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]);
    await this.#etcd.ready(() => this.#etcdCall('maintenance/status', {}).then(Boolean, () => false), READY_MS_MAX);
  }

  async #startServer(): Promise<void> {
    this.#server = this.#launch('kube-apiserver', this.#parts.apiServer, [
      `--etcd-servers=http://${HOST}:${this.#etcdPort}`,
      `--bind-address=${HOST}`,
      `--advertise-address=${HOST}`,
      `--secure-port=${this.#port}`,
      `--cert-dir=${this.#path('pki')}`,
      `--token-auth-file=${this.#path('tokens.csv')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${this.#path('sa.pub')}`,
      `--service-account-signing-key-file=${this.#path('sa.key')}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=Node,RBAC',
      '--endpoint-reconciler-type=none',
      '--shutdown-delay-duration=0s',
      // No pod is admitted without a service account, and without its controller nobody makes one.
      ...(this.#controllers.includes(ACCOUNTS) ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...(this.#options.args ?? []),
    ]);
    await this.#server.ready(() => this.#isReady(), READY_MS_MAX);
  }

  get #controllers(): readonly string[] {
    const { controllers = false } = this.#options;
    return typeof controllers === 'object' ? controllers : controllers ? CONTROLLERS : [];
  }

  async #startControllers(path: string): Promise<void> {
    const config = this.#path('controllers.kubeconfig');
    const manager = this.#launch('kube-controller-manager', path, [
      ...kubeconfigArguments(config),
      ...FAST_CLIENT,
      `--bind-address=${HOST}`,
      '--secure-port=0',
      `--controllers=${this.#controllers.join(',')}`,
      `--service-account-private-key-file=${this.#path('sa.key')}`,
      `--root-ca-file=${this.#path('pki/apiserver.crt')}`,
      '--use-service-account-credentials',
    ]);
    this.#others.push(manager);
    if (!this.#controllers.includes(ACCOUNTS)) return;
    const kube = this.client();
    const ref = { namespace: 'default', name: 'default' };
    await manager.ready(async () => (await kube.get(serviceAccount, ref)).ok, READY_MS_MAX);
  }

  #startScheduler(path: string): void {
    const config = this.#path('scheduler.kubeconfig');
    const args = [...kubeconfigArguments(config), ...FAST_CLIENT, `--bind-address=${HOST}`, '--secure-port=0'];
    this.#others.push(this.#launch('kube-scheduler', path, args));
  }

  #startKwok(path: string): void {
    const stages = this.#path('stages.yaml');
    writeFileSync(stages, kwokStages());
    const args = [`--kubeconfig=${this.kubeconfig}`, `--config=${stages}`, ...kwokArguments];
    this.#others.push(this.#launch('kwok', path, args));
  }

  #launch(name: string, path: string, args: readonly string[]): ClusterProcess {
    return new ClusterProcess({ name, path, args, folder: this.#folder });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #writeKubeconfig(user: 'admin' | 'controllers' | 'scheduler'): void {
    const authority = readFileSync(this.#path('pki/apiserver.crt')).toString('base64');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: this.url, 'certificate-authority-data': authority } }],
      users: [{ name: user, user: { token: this.#tokens[user] } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user } }],
      'current-context': 'test',
    };
    writeFileSync(this.#path(`${user}.kubeconfig`), JSON.stringify(config), { mode: 0o600 });
  }

  async #isReady(): Promise<boolean> {
    const certificate = this.#path('pki/apiserver.crt');
    if (!existsSync(certificate)) return false;
    const ca = readFileSync(certificate);
    const headers = { authorization: `Bearer ${this.#tokens.admin}` };
    return new Promise((resolve) => {
      const probe = request(`${this.url}/readyz`, { ca, headers, timeout: PROBE_MS_MAX, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      probe.on('error', () => resolve(false));
      probe.on('timeout', () => probe.destroy());
      probe.end();
    });
  }

  async #etcdCall(path: string, body: object): Promise<unknown> {
    const answer = await fetch(`http://${HOST}:${this.#etcdPort}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PROBE_MS_MAX),
    });
    if (!answer.ok) throw new Error(`etcd answered ${answer.status} to ${path}: ${await answer.text()}`);
    return answer.json();
  }
}

const serviceAccount: Resource = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};

/** The default limits make a burst of pods take five times as long. */
const FAST_CLIENT = ['--kube-api-qps=300', '--kube-api-burst=600', '--leader-elect=false'];

function kubeconfigArguments(path: string): string[] {
  return [`--kubeconfig=${path}`, `--authentication-kubeconfig=${path}`, `--authorization-kubeconfig=${path}`];
}

function freePort(): Promise<number> {
  return systemEnv().net.freePort(HOST, 0);
}

async function retried(start: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      const taken = error instanceof Error && error.message.includes('address already in use');
      if (!taken || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}
