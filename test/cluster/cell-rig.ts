/** A cluster that serves: API server, scheduler, operator, nodes whose pods are processes, and a bus and a gateway per region. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { tiers, type ChainDocument } from '@reticle/core/domain';
import { memoryLogger, systemClock, systemEnv, systemRandom, type ChildHandle } from '@reticle/core/process';
import {
  componentNkey,
  natsServerConfig,
  NKEY_SEED_BYTES,
  startNatsServer,
  type ComponentNkey,
  type NatsServer,
} from '@reticle/services/bus';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import { Operator } from '@reticle/operator/control';
import { resources, type KubeClient } from '@reticle/operator/cluster';
import { ApiClient, bounded, randomId } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { Kubelet } from '../kit/kube/kubelet.ts';
import { kubectlFor, type Kubectl } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';

const ROOT = join(import.meta.dirname, '../..');
export const NAMESPACE = 'models';
/** One command may take a minute. */
const WAIT_SECONDS = 25;
const SECRET = 'reticle-engine';

/** Whether every part can be had; where one cannot, a line has said so. */
export async function hasCell(): Promise<boolean> {
  const found = [await requirePart('nats-server'), await requirePart('kubectl')];
  return (await hasApiServer({ controllers: true, scheduler: true })) && !found.includes(undefined);
}

type Region = { readonly bus: NatsServer; readonly door: ComponentNkey; gateway?: ChildHandle };

export class CellRig implements AsyncDisposable {
  readonly #log = memoryLogger();
  readonly #engines = componentNkey(randomBytes(NKEY_SEED_BYTES));
  readonly #regions = new Map<string, Region>();
  readonly #clients: ApiClient[] = [];
  readonly #server: ApiServer;
  readonly #kubectl: Kubectl;
  readonly kube: KubeClient;
  readonly kubelet: Kubelet;
  #operator: Operator | undefined;

  private constructor(server: ApiServer, kubectl: Kubectl) {
    this.#server = server;
    this.#kubectl = kubectl;
    this.kube = server.client();
    this.kubelet = new Kubelet(this.kube);
  }

  /** Starts everything but gateways; nodes and objects are the test's. */
  static async start(regions: readonly string[]): Promise<CellRig> {
    const server = await startApiServer({ controllers: true, scheduler: true });
    const rig = new CellRig(server, await kubectlFor(server));
    try {
      await rig.#begin(regions);
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #begin(regions: readonly string[]): Promise<void> {
    for (const region of regions) this.#regions.set(region, await this.#startBus(region));
    await this.ok(['apply', '--server-side', '-f', join(ROOT, 'charts/reticle/templates/crds')]);
    await this.ok(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    await this.ok(['create', 'namespace', NAMESPACE]);
    const keys = { 'nats.seed': this.#engines.seed, 'engine.key': randomBytes(32).toString('hex') };
    const literals = Object.entries(keys).map(([name, value]) => `--from-literal=${name}=${value}`);
    await this.ok(['create', 'secret', 'generic', SECRET, '-n', NAMESPACE, ...literals]);
    this.kubelet.start();
    this.#operator = new Operator({
      kube: this.kube,
      clock: systemClock,
      random: systemRandom,
      log: this.#log,
      pods: {
        image: `reticle@sha256:${'0'.repeat(64)}`,
        nats: Object.fromEntries([...this.#regions].map(([region, { bus }]) => [region, bus.url])),
        keysSecret: SECRET,
      },
    });
    this.#operator.start();
  }

  async #startBus(cell: string): Promise<Region> {
    const door = componentNkey(randomBytes(NKEY_SEED_BYTES));
    const components = [
      { role: 'hosts' as const, nkey: this.#engines.publicKey },
      { role: 'gateway' as const, nkey: door.publicKey },
    ];
    const configText = natsServerConfig({ cell, components, port: 0 });
    const bus = await startNatsServer({
      path: (await requirePart('nats-server')) ?? '',
      configText,
      clock: systemClock,
    });
    return { bus, door };
  }

  /** Starts the gateway of a region, with a client of it. */
  async gateway(region: string, model: string): Promise<ApiClient> {
    const found = this.#regions.get(region);
    if (found === undefined) throw new Error(`no region ${region}`);
    const pepper = randomBytes(32);
    const { key, id, secret } = mintApiKey(systemRandom, 'test');
    const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
    const config = {
      gatewayId: randomId(),
      region,
      host: '127.0.0.1',
      grpcPort: 0,
      keys: [{ id, hmacs, tenant: 'acme', models: [], tiers, defaultTier: 'ultrafast' as const }],
      pepper,
      cellKeys: [{ kid: 'k1', key: randomBytes(32) }],
      nats: { servers: [found.bus.url], seed: found.door.seed },
    };
    const lines: string[] = [];
    const output = (_: string, line: string): void => void lines.push(line);
    const gateway = systemEnv().spawn.fork(join(ROOT, 'services/main/gateway.ts'), [], { output });
    found.gateway = gateway;
    const ready = Promise.withResolvers<number>();
    gateway.onMessage((message) => {
      const { kind, port = 0 } = message as { readonly kind: string; readonly port?: number };
      if (kind === 'gateway-ready') ready.resolve(port);
    });
    gateway.send({ kind: 'gateway-config', config });
    const port = await bounded(ready.promise, () => `a gateway; it said ${lines.join('\n')}`);
    const client = new ApiClient({ address: `127.0.0.1:${port}`, key, model });
    this.#clients.push(client);
    return client;
  }

  /** Output of a command that must succeed. */
  async ok(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.#kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** `kubectl wait`, as often as the time allows; says what there is when it does not come about. */
  async waitFor(what: readonly string[], seconds = 55): Promise<void> {
    for (let left = seconds; left > 0; left -= WAIT_SECONDS) {
      const { code, stderr } = await this.#kubectl(['wait', ...what, `--timeout=${Math.min(left, WAIT_SECONDS)}s`]);
      if (code === 0) return;
      if (!stderr.includes('timed out') || left <= WAIT_SECONDS) {
        throw new Error(`kubectl wait ${what.join(' ')}: ${stderr}\n${await this.#report()}`);
      }
    }
  }

  /** Stages of all claims, in order; a text without a claim is empty. */
  async claims(): Promise<string[]> {
    const text = await this.ok(['get', 'wafers', '-o', 'jsonpath={.items[*].spec.claim.stage}']);
    return text === '' ? [] : text.split(' ').toSorted((a, b) => Number(a) - Number(b));
  }

  /** Node of a stage of the chain whose head is this engine. */
  async nodeOfStage(engine: string, stage: number): Promise<string> {
    const maps = await this.kube.list(resources.configMap, { namespace: NAMESPACE });
    const documents = maps.ok ? maps.value.items.flatMap(({ data }) => documentIn(data)) : [];
    const found = documents.find((document) => document.replica.engineId === engine);
    if (found === undefined) throw new Error(`no chain has the engine ${engine}`);
    const { name, epoch } = found.replica;
    return this.ok(['get', 'pod', `${name}-${epoch}-${stage}`, '-n', NAMESPACE, '-o', 'jsonpath={.spec.nodeName}']);
  }

  async #report(): Promise<string> {
    const all = await this.#kubectl(['get', 'wp,wf,md,mr,pods', '-A', '-o', 'wide']);
    const raw = await this.#kubectl(['get', 'mr,md', '-A', '-o', 'yaml']);
    const actions = this.#log.records.slice(-40).map((record) => JSON.stringify(record));
    return [all.stdout, raw.stdout, this.kubelet.logs(), ...actions].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    this.#operator?.stop();
    for (const { gateway } of this.#regions.values()) {
      gateway?.kill('SIGKILL');
      await gateway?.exited;
    }
    await this.kubelet[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
    for (const { bus } of this.#regions.values()) await bus.stop();
  }
}

function documentIn(data: unknown): readonly ChainDocument[] {
  const text = (data as { readonly 'chain.json'?: string } | undefined)?.['chain.json'];
  return text === undefined ? [] : [JSON.parse(text) as ChainDocument];
}
