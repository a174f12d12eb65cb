/** The commands of platform people against a real API server: plan, operator, wafers, explain, drain. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { commands, dispatch, type Context } from '@reticle/cli/internal';
import { systemEnv } from '@reticle/core/process';
import { resources, type KubeClient, type KubeObject } from '@reticle/operator/cluster';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { installAccess } from '../kit/kube/install-access.ts';
import { installKinds } from '../kit/kube/install-kinds.ts';
import { kubectlFor, type Kubectl } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';
import { RunningCommand } from '../kit/running-command.ts';
import { scene } from './scene.ts';

jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '../..');
const REGION = 'us-east';
const NAMESPACE = 'models';
const IMAGE = `registry.example/reticle@sha256:${'0'.repeat(64)}`;
const POLL_MS = 100;
const there = (await hasApiServer()) && (await requirePart('kubectl')) !== undefined;

type Config = { [part: string]: unknown };
type Ended = { readonly exit: number; readonly out: string; readonly err: string };

(there ? describe : describe.skip)('the reticle command on a real API server', () => {
  let server: ApiServer;
  let kube: KubeClient;
  let kubectl: Kubectl;
  let operator: RunningCommand | undefined;
  let manifests = '';

  beforeAll(async () => {
    server = await startApiServer();
    kube = server.client();
    kubectl = await kubectlFor(server);
    await installKinds(server);
    await installAccess(server, [NAMESPACE]);
    for (const name of ['node-a', 'node-b', 'node-c', 'node-d']) await addNode(name);
    manifests = `${server.kubeconfig}.scene.yaml`;
    writeFileSync(manifests, scene({ region: REGION }));
  });

  afterAll(async () => {
    await operator?.[Symbol.asyncDispose]();
    await kube?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  async function ok(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function addNode(name: string): Promise<void> {
    await ok(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { pool: 'p1' } } }),
    );
    const room = { cpu: '8', memory: '64Gi', pods: '100', 'reticle.dev/wafer': '1' };
    const conditions = [{ type: 'Ready', status: 'True', reason: 'Test', message: 'a machine of the test' }];
    const status = JSON.stringify({ status: { capacity: room, allocatable: room, conditions } });
    await ok(['patch', 'node', name, '--subresource=status', '--type=merge', '-p', status]);
  }

  function start(args: readonly string[], kubeconfig = server.kubeconfig): RunningCommand {
    const flags = [...args, '--kubeconfig', kubeconfig];
    return new RunningCommand([process.execPath, join(ROOT, 'clients/cli/main.ts'), ...flags]);
  }

  /** The kubeconfig of the test with something else in it. */
  function variant(name: string, change: (config: Config) => void): string {
    const config = JSON.parse(readFileSync(server.kubeconfig, 'utf8')) as Config;
    change(config);
    const path = `${server.kubeconfig}.${name}`;
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  /** Impersonates somebody, as `as` of a kubeconfig does. */
  const as =
    (name: string) =>
    (config: Config): void => {
      const [user] = config['users'] as [{ user: object }];
      user.user = { ...user.user, as: name };
    };

  /** A command in this process: one of its own takes a second to start. */
  async function reticle(args: readonly string[], kubeconfig = server.kubeconfig): Promise<Ended> {
    const said = { out: '', err: '' };
    const terminal = { out: (text: string) => void (said.out += text), err: (text: string) => void (said.err += text) };
    const context = { env: systemEnv(), variables: {}, terminal } as unknown as Context;
    const exit = await dispatch(context, commands, [...args, '--kubeconfig', kubeconfig]);
    return { exit, ...said };
  }

  /** Asks until the answer is right; the test's own bound ends it. */
  async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
    for (;;) {
      const answer = await ask();
      if (isRight(answer)) return answer;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async function replicas(): Promise<readonly KubeObject[]> {
    const list = await kube.list(resources.modelReplica, { namespace: NAMESPACE });
    return list.ok ? list.value.items : [];
  }

  const isCommitted = ({ spec }: KubeObject): boolean =>
    (spec as { fence?: { outcome?: string } }).fence?.outcome === 'Committed';

  test('plan lays manifests over the cluster, with its own nodes, and writes nothing', async () => {
    const { exit, out } = await reticle(['plan', manifests]);
    expect(out).toContain('4 wafers in 4 slots: 3 in chains, 0 free, 1 spare\n    0  AAA+\n');
    expect(out).toMatch(/models\/spark +us-east +1\/1 +3 +\d+ +\d+ +\d+ +p1\n/);
    expect(exit).toBe(0);
    expect(await ok(['get', 'md', '-A', '-o', 'name'])).toBe('');
    expect((await reticle(['plan', manifests, '--what-if', 'md/spark.regions.us-east.replicas=2'])).exit).toBe(1);
  });

  test('explain says that nobody has looked before an operator runs', async () => {
    await ok(['apply', '--server-side', '-f', manifests]);
    const { exit, out } = await reticle(['explain', 'md/spark']);
    expect({ exit, out }).toMatchObject({ exit: 0, out: expect.stringContaining('md/spark in models NOT JUDGED') });
    expect(out).toContain('no operator holds a lease');
  });

  test('operator takes the lease and places the chain, as its service account under the policies of the chart', async () => {
    const account = ['--impersonate', 'reticle-system/reticle-operator'];
    operator = start(['operator', '--image', IMAGE, '--nats', 'nats://127.0.0.1:4222', ...account]);
    await operator.shows(/"message":"leadership gained"/);
    await until(replicas, (all) => all.length === 1 && all.every(isCommitted));
    for (const line of operator.stderr.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });

  test('wafers draws what is claimed, and knows its pools', async () => {
    const { exit, out } = await reticle(['wafers']);
    expect({ exit, out }).toMatchObject({ exit: 0, out: expect.stringContaining('    0  AAA+\n    A  models/spark-') });
    const json = JSON.parse((await reticle(['wafers', 'p1', '-o', 'json'])).out) as [{ counts: object }];
    expect(json[0].counts).toEqual({ total: 4, claimed: 3, free: 0, spare: 1, faulty: 0 });
    expect(await reticle(['wafers', 'p2'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('Did you mean p1?'),
    });
  });

  test('explain names pods that nothing starts here, and who leads', async () => {
    const isPods = ({ out }: Ended): boolean => out.includes('NOT READY (pods)');
    const { exit, out } = await until(() => reticle(['explain', 'md/spark']), isPods);
    expect(exit).toBe(0);
    expect(out).toMatch(/pod\/spark-\S+-0 {2}not Ready: Pending/);
    expect(out).toMatch(/an operator renewed its lease \d+ s ago/);
    expect(await reticle(['explain', 'md/sparks'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('md/spark'),
    });
  });

  test('explain says what is short and who has it, for a second deployment', async () => {
    const objects = readFileSync(manifests, 'utf8').split('\n---\n');
    const deployment = JSON.parse(objects[3] ?? '') as { metadata: object; spec: object };
    const second = {
      ...deployment,
      metadata: { ...deployment.metadata, name: 'second' },
      spec: { ...deployment.spec, servedName: 'second' },
    };
    await ok(['apply', '--server-side', '-f', '-'], JSON.stringify(second));
    const isJudged = ({ out }: Ended): boolean => out.includes('NOT READY (capacity)');
    const { out } = await until(() => reticle(['explain', 'md/second']), isJudged);
    expect(out).toContain('FreeWafersShort: need 4 free wafers, have 1');
    expect(out).toContain('Would change it:\n  md/spark gives back 3 wafers in wp/p1\n');
    const { reason, class: group } = JSON.parse((await reticle(['explain', 'md/second', '-o', 'json'])).out);
    expect({ reason, group }).toEqual({ reason: 'NoFit', group: 'capacity' });
    await ok(['delete', 'md', 'second', '-n', NAMESPACE]);
  });

  test('a mass removal is confirmed in the term of the published snapshot', async () => {
    const confirm = (): Promise<Ended> => reticle(['drain', 'md/spark', '--confirm-mass']);
    expect(await confirm()).toMatchObject({
      exit: 2,
      err: expect.stringContaining('no operator publishes a snapshot'),
    });
    await ok(['create', 'configmap', 'reticle-serving', '-n', 'reticle-system', '--from-literal=term=7']);
    expect((await confirm()).exit).toBe(0);
    const annotation = 'jsonpath={.metadata.annotations.reticle\\.dev/confirm-mass}';
    expect(await ok(['get', 'md', 'spark', '-n', NAMESPACE, '-o', annotation])).toBe('7');
  });

  test('SIGTERM ends the operator with 0 and gives the lease up', async () => {
    operator?.child.kill('SIGTERM');
    expect(await operator?.ended).toBe(0);
    const lease = await kube.get(resources.lease, { namespace: 'reticle-system', name: 'reticle-operator' });
    expect(lease.ok && lease.value.spec).toMatchObject({ holderIdentity: '' });
    const command = start(['explain', 'wp/p1']);
    const exit = await command.ended;
    await command[Symbol.asyncDispose]();
    expect(exit).toBe(0);
    expect(command.stdout).toMatch(/^wp\/p1 /);
    expect(command.stdout).toContain('no operator holds a lease');
  });

  test('drain closes pool, region, node and replica with their reasons, and opens them again', async () => {
    const service = (): Promise<string> =>
      ok(['get', 'wp', 'p1', '-o', 'jsonpath={.spec.service} {.spec.serviceReason}']);
    const dry = await reticle(['drain', 'wp/p1', '--reason', 'cooling', '--dry-run']);
    expect(dry.out).toMatch(
      /^would write: wp\/p1 in us-east is evacuated: cooling\n {2}mr\/models\/spark-\S+ moves\n$/,
    );
    expect(await service()).toBe('Open ');
    expect(await reticle(['drain', 'region/us-east', '--reason', 'cooling'])).toMatchObject({ exit: 0, err: '' });
    expect(await service()).toBe('Evacuate cooling');
    expect(await reticle(['drain', 'wp/p1', '--undo'])).toMatchObject({ exit: 0, out: 'wp/p1 is Open\n' });
    expect(await service()).toBe('Open ');
    const cordoned = (): Promise<string> => ok(['get', 'node', 'node-d', '-o', 'jsonpath={.spec.unschedulable}']);
    expect((await reticle(['drain', 'node/node-d'])).exit).toBe(0);
    expect(await cordoned()).toBe('true');
    expect((await reticle(['drain', 'node/node-d', '--undo'])).exit).toBe(0);
    expect(await cordoned()).toBe('');
    const [replica] = await replicas();
    expect((await reticle(['drain', `mr/${replica?.metadata.name}`, '--reason', 'slow'])).exit).toBe(0);
    // No operator runs any more: what was written stays as it is.
    const [asked] = await replicas();
    expect(asked?.metadata.annotations).toMatchObject({ 'reticle.dev/retire-requested': 'slow' });
  });

  test('who may view our kinds alone is told what was not read', async () => {
    await ok(['create', 'clusterrolebinding', 'viewer', '--clusterrole=reticle-viewer', '--user=viewer']);
    const viewer = variant('viewer', as('viewer'));
    const map = await reticle(['wafers'], viewer);
    expect(map).toMatchObject({
      exit: 0,
      out: expect.stringContaining('AAA+'),
      err: expect.stringContaining('not read nodes'),
    });
    const { exit, out } = await reticle(['explain', 'md/spark'], viewer);
    expect(exit).toBe(0);
    expect(out).toMatch(/you may not read .*nodes.*pods/);
    expect((await reticle(['drain', 'wp/p1', '--reason', 'x'], viewer)).exit).toBe(4);
  });

  test('a user without rights, a server that is gone and a broken kubeconfig are told apart', async () => {
    const nobody = variant('nobody', as('nobody'));
    const away = variant('away', (config) => {
      const [cluster] = config['clusters'] as [{ cluster: object }];
      cluster.cluster = { ...cluster.cluster, server: 'https://127.0.0.1:9' };
    });
    const broken = `${server.kubeconfig}.broken`;
    writeFileSync(broken, '{');
    const ends = await Promise.all([nobody, away, broken, `${broken}.none`].map((path) => reticle(['wafers'], path)));
    expect(ends.map(({ exit, err }) => `${exit} ${/^error\[\w+\]/.exec(err)?.[0]}`)).toEqual([
      '4 error[cluster_forbidden]',
      '5 error[cluster_unreachable]',
      '3 error[kubeconfig]',
      '3 error[kubeconfig]',
    ]);
  });
});
