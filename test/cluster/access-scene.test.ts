/** The operator with its own roles alone, under the policies of the chart: from nodes to Ready, and all of it back. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { memoryLogger, systemClock, systemRandom } from '@reticle/core/process';
import {
  accessFiles,
  defaultNames,
  ENGINES_LABEL,
  factKeys,
  FACTS_MAP,
  operatorUser,
} from '@reticle/operator/api/access';
import { resources, type Kube, type KubeClient, type KubeResult } from '@reticle/operator/cluster';
import { Operator } from '@reticle/operator/control';
import { bounded } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { installAccess } from '../kit/kube/install-access.ts';
import { installKinds } from '../kit/kube/install-kinds.ts';
import { kubectlFor, type Kubectl } from '../kit/kube/kubectl.ts';
import { fakeNode } from '../kit/kube/kwok.ts';
import { requirePart } from '../kit/parts.ts';
import { value } from './gauge.ts';
import { scene } from './scene.ts';

jest.setTimeout(120_000);

const parts = { controllers: true, scheduler: true, kwok: true };
const there = (await hasApiServer(parts)) && (await requirePart('kubectl')) !== undefined;
const WAFERS = 4;

(there ? describe : describe.skip)('the operator as its service account', () => {
  const log = memoryLogger();
  const refused: string[] = [];
  let server: ApiServer;
  let admin: KubeClient;
  let kubectl: Kubectl;
  let operator: Operator;

  beforeAll(async () => {
    // With this plugin an owner's deletion is blocked only by those who may set the owner's finalizers.
    const args = ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'];
    server = await startApiServer({ ...parts, args });
    admin = server.client();
    kubectl = await kubectlFor(server);
    await installKinds(server);
    await installAccess(server, ['models']);
    for (let index = 0; index < WAFERS; index++) {
      const node = fakeNode(`node-${index}`, { labels: { pool: 'p1' }, capacity: { 'reticle.dev/wafer': '1' } });
      value(await admin.create(resources.node, { ...node, spec: {} }));
    }
    operator = new Operator({
      kube: heard(server.client({ kubeconfig: server.kubeconfig, impersonate: operatorUser() }), refused),
      clock: systemClock,
      random: systemRandom,
      log,
      pods: { image: `reticle@sha256:${'0'.repeat(64)}`, nats: 'nats://127.0.0.1:4222', keysSecret: 'reticle-engine' },
      engineNamespaces: 'labelled',
      namespace: defaultNames.namespace,
    });
    operator.start();
  }, 120_000);

  afterAll(async () => {
    operator?.stop();
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  async function ok(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await kubectl(args, input);
    if (code === 0) return stdout;
    const state = await kubectl(['get', 'wp,wf,md,mr,pods', '-A', '-o', 'wide']);
    const said = log.records.slice(-30).map((record) => JSON.stringify(record));
    throw new Error([`kubectl ${args.join(' ')}: ${stderr}`, state.stdout, ...refused, ...said].join('\n'));
  }

  /** What is changed there is seen: the operator goes on. */
  async function changeInModels(timeoutSeconds: number): Promise<void> {
    const patch = JSON.stringify({ spec: { drain: { timeoutSeconds } } });
    await ok(['patch', 'md/spark', '-n', 'models', '--type=merge', '-p', patch]);
    const generation = await ok(['get', 'md/spark', '-n', 'models', '-o', 'jsonpath={.metadata.generation}']);
    const seen = `--for=jsonpath={.status.observedGeneration}=${generation}`;
    await ok(['wait', 'md/spark', '-n', 'models', seen, '--timeout=30s']);
  }

  test('brings a deployment up without a single refusal', async () => {
    await ok(['apply', '--server-side', '-f', '-'], scene({ region: 'us-east', wafers: WAFERS }));
    await ok(['wait', 'md/spark', '-n', 'models', '--for=condition=Ready', '--timeout=60s']);
    expect(await ok(['get', 'wafers', '-o', 'jsonpath={.items[*].spec.claim.stage}'])).toMatch(/^[012] [012] [012]$/);
    expect(refused).toEqual([]);
  });

  test('keeps the facts that the policies look up', async () => {
    const read = ['get', 'configmap', FACTS_MAP, '-n', defaultNames.namespace, '-o', 'jsonpath={.data}'];
    expect(JSON.parse(await ok(read))).toEqual({ [factKeys.residency('us-east')]: 'us' });
    expect(refused).toEqual([]);
  });

  test('leaves a deployment alone in a namespace that is not enabled', async () => {
    await ok(['create', 'namespace', 'elsewhere']);
    const moved = scene({ region: 'us-east', wafers: WAFERS }).replaceAll('"models"', '"elsewhere"');
    const own = moved.split('\n---\n').filter((object) => object.includes('"elsewhere"'));
    await ok(['apply', '--server-side', '-f', '-'], own.join('\n---\n'));
    await changeInModels(6);
    expect(await ok(['get', 'md/spark', '-n', 'elsewhere', '-o', 'jsonpath={.metadata.finalizers}{.status}'])).toBe('');
    expect(refused).toEqual([]);
  });

  test('goes on without a namespace that is enabled before its role, takes it up, and lets go of it', async () => {
    await ok(['label', 'namespace', 'elsewhere', `${ENGINES_LABEL}=enabled`]);
    await bounded(
      until(() => refused.length > 0),
      'a refusal',
    );
    await changeInModels(7);
    const objects = accessFiles({ ...defaultNames, engines: ['elsewhere'] }).get('engines');
    await ok(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    // It is planned for now: its served name is taken by the elder one.
    const planned = ['--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=ServedNameConflict'];
    await ok(['wait', 'md/spark', '-n', 'elsewhere', ...planned, '--timeout=40s']);
    await ok(['label', 'namespace', 'elsewhere', `${ENGINES_LABEL}-`]);
    refused.length = 0;
    await changeInModels(8);
    expect(refused).toEqual([]);
  });

  test('gives everything back when the deployment is deleted', async () => {
    const held = await ok(['get', 'wafers', '-o', 'jsonpath={range .items[?(@.spec.claim)]}{.metadata.name} {end}']);
    const [first = ''] = held.split(' ');
    const { stderr } = await kubectl(['delete', 'wafer', first, '--wait=false']);
    expect(stderr).toMatch(/wafer is held by models\/spark-\S+ \(retire that ModelReplica first\)/);
    await ok(['delete', 'md', 'spark', '-n', 'models', '--timeout=60s']);
    await ok(['wait', 'mr', '--all', '-n', 'models', '--for=delete', '--timeout=60s']);
    expect(await ok(['get', 'wafers', '-o', 'jsonpath={.items[*].spec.claim}'])).toBe('');
    await ok(['wait', 'pods,services,pdb', '--all', '-n', 'models', '--for=delete', '--timeout=30s']);
    expect(refused).toEqual([]);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** The same client; what the server refuses it for want of a right is remembered. */
function heard(kube: Kube, refused: string[]): Kube {
  const noted = async <T>(answer: Promise<KubeResult<T>>): Promise<KubeResult<T>> => {
    const result = await answer;
    if (!result.ok && result.failure.kind === 'forbidden') refused.push(result.failure.message);
    return result;
  };
  return {
    list: (...args) => noted(kube.list(...args)),
    watch: (resource, options, listener) =>
      kube.watch(resource, options, {
        event: (event) => listener.event(event),
        end: (failure) => {
          if (failure?.kind === 'forbidden') refused.push(failure.message);
          listener.end(failure);
        },
      }),
    get: (...args) => noted(kube.get(...args)),
    create: (...args) => noted(kube.create(...args)),
    patch: (...args) => noted(kube.patch(...args)),
    delete: (...args) => noted(kube.delete(...args)),
  };
}
