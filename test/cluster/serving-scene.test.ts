/** A model declared with kubectl ends in tokens: API server, scheduler, operator, pods, NATS, gateway, client. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { tiers, type ChainDocument } from '@reticle/core/domain';
import { memoryLogger, systemClock, systemEnv, systemRandom, type ChildHandle } from '@reticle/core/process';
import {
  componentNkey,
  natsServerConfig,
  NKEY_SEED_BYTES,
  startNatsServer,
  type NatsServer,
} from '@reticle/services/bus';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import { Operator } from '@reticle/operator/control';
import { resources, type KubeClient } from '@reticle/operator/cluster';
import { ApiClient, bounded, interrupt, modes, randomId, start, statuses, turnOf } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { Kubelet } from '../kit/kube/kubelet.ts';
import { kubectlFor, type Kubectl } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';
import { scene } from './scene.ts';

jest.setTimeout(180_000);

const ROOT = join(import.meta.dirname, '../..');
const CELL = 'us-east';
const nats = await requirePart('nats-server');
const there =
  (await hasApiServer({ controllers: true, scheduler: true })) && (await requirePart('kubectl')) !== undefined;

(there && nats !== undefined ? describe : describe.skip)('a deployment on a real API server', () => {
  const engines = componentNkey(randomBytes(NKEY_SEED_BYTES));
  const door = componentNkey(randomBytes(NKEY_SEED_BYTES));
  const log = memoryLogger();
  let server: ApiServer;
  let bus: NatsServer;
  let kube: KubeClient;
  let kubectl: Kubectl;
  let kubelet: Kubelet;
  let operator: Operator;
  let gateway: ChildHandle | undefined;
  let client: ApiClient;

  beforeAll(async () => {
    const components = [
      { role: 'hosts' as const, nkey: engines.publicKey },
      { role: 'gateway' as const, nkey: door.publicKey },
    ];
    bus = await startNatsServer({
      path: nats ?? '',
      configText: natsServerConfig({ cell: CELL, components, port: 0 }),
      clock: systemClock,
    });
    server = await startApiServer({ controllers: true, scheduler: true });
    kube = server.client();
    kubectl = await kubectlFor(server);
    await ok(['apply', '--server-side', '-f', join(ROOT, 'charts/reticle/templates/crds')]);
    await ok(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    await ok(['create', 'namespace', 'models']);
    const keys = { 'nats.seed': engines.seed, 'engine.key': randomBytes(32).toString('hex') };
    const literals = Object.entries(keys).map(([name, value]) => `--from-literal=${name}=${value}`);
    await ok(['create', 'secret', 'generic', 'reticle-engine', '-n', 'models', ...literals]);
    kubelet = new Kubelet(kube);
    kubelet.start();
    for (const node of 'abcdefg') await kubelet.addNode(`node-${node}`, 1, { pool: 'p1' });
    operator = new Operator({
      kube,
      clock: systemClock,
      random: systemRandom,
      log,
      pods: { image: `reticle@sha256:${'0'.repeat(64)}`, nats: bus.url, keysSecret: 'reticle-engine' },
    });
    operator.start();
    client = await startGateway();
  });

  afterAll(async () => {
    client?.close();
    operator?.stop();
    gateway?.kill('SIGKILL');
    await gateway?.exited;
    await kubelet?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await bus?.stop();
  });

  async function ok(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function startGateway(): Promise<ApiClient> {
    const pepper = randomBytes(32);
    const { key, id, secret } = mintApiKey(systemRandom, 'test');
    const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
    const config = {
      gatewayId: randomId(),
      region: CELL,
      host: '127.0.0.1',
      grpcPort: 0,
      keys: [{ id, hmacs, tenant: 'acme', models: [], tiers, defaultTier: 'ultrafast' as const }],
      pepper,
      cellKeys: [{ kid: 'k1', key: randomBytes(32) }],
      nats: { servers: [bus.url], seed: door.seed },
    };
    const lines: string[] = [];
    gateway = systemEnv().spawn.fork(join(ROOT, 'services/main/gateway.ts'), [], {
      output: (_, line) => lines.push(line),
    });
    const ready = Promise.withResolvers<number>();
    gateway.onMessage((message) => {
      const { kind, port = 0 } = message as { kind: string; port?: number };
      if (kind === 'gateway-ready') ready.resolve(port);
    });
    gateway.send({ kind: 'gateway-config', config });
    const port = await bounded(ready.promise, () => `a gateway; it said ${lines.join('\n')}`);
    return new ApiClient({ address: `127.0.0.1:${port}`, key, model: 'spark-ref' });
  }

  /** What is known when something does not come about. */
  async function report(): Promise<string> {
    const all = await kubectl(['get', 'wp,wf,md,mr,pods', '-A', '-o', 'wide']);
    const raw = await kubectl(['get', 'mr,md', '-A', '-o', 'yaml']);
    const events = log.records
      .map((record) => JSON.stringify(record))
      .slice(-40)
      .join('\n');
    return `${all.stdout}\n${raw.stdout}\n${all.stderr}\n${kubelet.logs()}\n${events}`;
  }

  async function waitFor(what: readonly string[], seconds = 55): Promise<void> {
    const { code, stderr } = await kubectl(['wait', ...what, `--timeout=${seconds}s`]);
    if (code !== 0) throw new Error(`kubectl wait ${what.join(' ')}: ${stderr}\n${await report()}`);
  }

  const claims = async (): Promise<string[]> => {
    const text = await ok(['get', 'wafers', '-o', 'jsonpath={.items[*].spec.claim.stage}']);
    return text.split(' ').toSorted();
  };

  test('makes the wafers of its pool, its replicas, gated pods, and is Ready', async () => {
    await ok(['apply', '--server-side', '-f', '-'], scene({ region: CELL, wafers: 7, replicas: 2 }));
    await waitFor(['md/spark', '-n', 'models', '--for=condition=Ready']);
    expect(await claims()).toEqual(['0', '0', '1', '1', '2', '2']);
    expect(kubelet.pods()).toHaveLength(6);
  });

  test('repairs a chain whose node is gone with the spare, while a turn goes on exactly', async () => {
    const { stream } = await client.open();
    const turn = turnOf('t1', 60_000);
    stream.send(start(turn));
    const { replica } = await stream.until('turnStarted');
    await stream.received('t1', 200);
    const lost = await nodeOfStage(replica, 1);
    await kubelet.loseNode(lost);
    const moved = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(moved.replica).not.toBe(replica);
    await stream.received('t1', moved.startOffset + 500);
    stream.send(interrupt('t1', { mode: modes.keepGenerated }));
    expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.interrupted });
    await waitFor(['md/spark', '-n', 'models', '--for=condition=Ready=False']);
    // A node that is silent for 40 s counts as lost.
    await waitFor(['pods', '-n', 'models', '--for=delete', `--field-selector=spec.nodeName=${lost}`]);
    await waitFor(['md/spark', '-n', 'models', '--for=condition=Ready']);
    expect(await claims()).toEqual(['0', '0', '1', '1', '2', '2']);
    const nodes = await ok(['get', 'pods', '-n', 'models', '-o', 'jsonpath={.items[*].spec.nodeName}']);
    expect(nodes.split(' ')).not.toContain(lost);
  });

  /** Node of a stage of the chain whose head is this engine. */
  async function nodeOfStage(engine: string, stage: number): Promise<string> {
    const maps = await kube.list(resources.configMap, { namespace: 'models' });
    const documents = maps.ok ? maps.value.items.flatMap(({ data }) => documentIn(data)) : [];
    const found = documents.find((document) => document.replica.engineId === engine);
    const { name, epoch } = found?.replica ?? { name: '', epoch: 0 };
    const pod = await kube.get(resources.pod, { namespace: 'models', name: `${name}-${epoch}-${stage}` });
    return pod.ok ? String((pod.value.spec as { nodeName?: string }).nodeName) : '';
  }

  test('leaves a pool that is evacuated, with every claim given back, and comes back when it opens', async () => {
    const evacuated = { spec: { service: 'Evacuate', serviceReason: 'power works in hall h1' } };
    await ok(['patch', 'wp', 'p1', '--type=merge', '-p', JSON.stringify(evacuated)]);
    await waitFor(['wp/p1', '--for=jsonpath={.status.conditions[?(@.type=="Available")].reason}=PoolEvacuating']);
    expect(await claims()).toHaveLength(6);
    // Nowhere to go, and none may be missing: the chains stay until the deployment allows it.
    await ok([
      'patch',
      'md',
      'spark',
      '-n',
      'models',
      '--type=merge',
      '-p',
      '{"spec":{"rollout":{"maxUnavailable":2}}}',
    ]);
    await waitFor(['wp/p1', '--for=jsonpath={.status.counts.claimed}=0']);
    expect(await claims()).toEqual(['']);
    const reason = await ok(['get', 'md', 'spark', '-n', 'models', '-o', 'jsonpath={.status.conditions}']);
    expect(reason).toContain('NoFit');
    await ok(['patch', 'wp', 'p1', '--type=merge', '-p', '{"spec":{"service":"Open","serviceReason":null}}']);
    // Six wafers are left: one chain, and no second one beside the spare.
    await waitFor(['md/spark', '-n', 'models', '--for=jsonpath={.status.totals.ready}=1']);
  });

  test('is gone with its claims, pods and replicas when it is deleted', async () => {
    await ok(['delete', 'md', 'spark', '-n', 'models', '--wait=false']);
    await waitFor(['md/spark', '--for=delete', '-n', 'models']);
    await waitFor(['mr', '--for=delete', '--all', '-n', 'models']);
    expect(await ok(['get', 'wafers', '-o', 'jsonpath={.items[*].spec.claim}'])).toBe('');
    expect((await kube.list(resources.pod, { namespace: 'models' })).ok).toBe(true);
    expect(kubelet.pods()).toEqual([]);
    await ok(['delete', 'wp', 'p1', '--wait=false']);
    await waitFor(['wf', '--all', '--for=delete']);
    await waitFor(['wp/p1', '--for=delete']);
  });
});

function documentIn(data: unknown): readonly ChainDocument[] {
  const text = (data as { readonly 'chain.json'?: string } | undefined)?.['chain.json'];
  return text === undefined ? [] : [JSON.parse(text) as ChainDocument];
}
