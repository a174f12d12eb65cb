/** Tenants applied with kubectl are known to a gateway: API server, operator, NATS, gateway (OPERATOR §16). */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { memoryLogger, systemClock, systemEnv, systemRandom } from '@reticle/core/process';
import { resources, type KubeClient } from '@reticle/operator/cluster';
import { engineId, Operator, POD_PORT } from '@reticle/operator/control';
import { cellField, startServing, type RunningServing } from '@reticle/operator/publish';
import { unpackSnapshot } from '@reticle/proto/serving';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import { startGateway, type RunningGateway } from '@reticle/services/main';
import { bounded, HttpClient, randomId } from '../kit/index.ts';
import { hasApiServer, startApiServer, type ApiServer } from '../kit/kube/api-server.ts';
import { kubectlFor, type Kubectl } from '../kit/kube/kubectl.ts';
import { requirePart } from '../kit/parts.ts';
import { CELL, endAll, gateway, operator as operatorPart, serve, watchedBus } from '../integration/bus-rig.ts';

jest.setTimeout(180_000);

const ROOT = join(import.meta.dirname, '../..');
const REF = { namespace: 'kube-system', name: 'reticle-serving' };
const nats = await requirePart('nats-server');
const there = (await hasApiServer({})) && (await requirePart('kubectl')) !== undefined;
const pepper = randomBytes(32);
const own = mintApiKey(systemRandom, 'test');

function tenant(more: object = {}): string {
  const key = { id: own.id, hmacs: [Buffer.from(hmacOfSecret(pepper, own.secret)).toString('hex')] };
  const spec = { tiers: [{ name: 'fast' }], keys: [key], ...more };
  return JSON.stringify({ apiVersion: 'reticle.dev/v1alpha1', kind: 'Tenant', metadata: { name: 'acme' }, spec });
}

(there && nats !== undefined ? describe : describe.skip)('tenants of a real API server', () => {
  const log = memoryLogger();
  let server: ApiServer;
  let kube: KubeClient;
  let kubectl: Kubectl;
  let operator: Operator;
  let serving: RunningServing;
  let door: RunningGateway;
  let http: HttpClient;

  beforeAll(async () => {
    const parts = { operator: operatorPart(), door: gateway() };
    const bus = await serve(nats ?? '', Object.values(parts));
    server = await startApiServer({});
    kube = server.client();
    kubectl = await kubectlFor(server);
    await ok(['apply', '--server-side', '-f', join(ROOT, 'charts/reticle/templates/crds')]);
    await ok(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    operator = new Operator({
      kube,
      clock: systemClock,
      random: systemRandom,
      log,
      pods: { image: `reticle@sha256:${'0'.repeat(64)}`, nats: bus.url, keysSecret: 'reticle-engine' },
    });
    operator.start();
    const started = await startServing({
      kube,
      clock: systemClock,
      log,
      source: operator,
      ref: REF,
      heads: { engineId, port: POD_PORT },
      cells: [{ cell: { name: CELL, region: CELL }, bus: (await watchedBus(bus.url, parts.operator)).bus }],
    });
    if (!started.ok) throw new Error(started.failure.message);
    serving = started.value;
    door = await startGateway(
      {
        gatewayId: randomId(),
        region: CELL,
        host: '127.0.0.1',
        grpcPort: 0,
        httpPort: 0,
        keys: [],
        pepper,
        cellKeys: [{ kid: 'k1', key: randomBytes(32) }],
        serving: { cell: CELL },
      },
      { env: systemEnv(), bus: (await watchedBus(bus.url, parts.door)).bus, logger: log },
    );
    http = new HttpClient(`http://127.0.0.1:${door.httpPort}`, own.key);
  });
  afterAll(async () => {
    await door?.close(0);
    serving?.stop();
    operator?.stop();
    await server?.[Symbol.asyncDispose]();
    await endAll();
  });

  async function ok(args: readonly string[], input?: string): Promise<void> {
    const { code, stderr } = await kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  }

  async function untilAnswered(status: number): Promise<void> {
    let last = 0;
    const ask = async (): Promise<void> => {
      while (last !== status) {
        last = (await http.get('/v1/models')).status;
        await new Promise<void>((resolve) => systemClock.after(50, resolve));
      }
    };
    await bounded(ask(), () => `the status ${status}; it was ${last}`);
  }

  test('a key works once its tenant is applied, and no more once it is suspended', async () => {
    expect((await http.get('/v1/models')).status).toBe(401);
    await ok(['apply', '--server-side', '-f', '-'], tenant());
    await untilAnswered(200);
    await ok(['apply', '--server-side', '-f', '-'], tenant({ suspended: true }));
    await untilAnswered(401);
    await ok(['apply', '--server-side', '-f', '-'], tenant());
    await untilAnswered(200);
  });

  test('its boot copy is in the ConfigMap, under the term', async () => {
    const kept = async (): Promise<unknown> => {
      for (;;) {
        const read = await kube.get(resources.configMap, REF);
        const data = read.ok ? (read.value['data'] as Record<string, string>) : {};
        const { ok: snapshot } = unpackSnapshot(data[cellField(CELL)] ?? '');
        if (snapshot?.tenants[0]?.suspended === false) return { term: data['term'], snapshot };
        await new Promise<void>((resolve) => systemClock.after(100, resolve));
      }
    };
    expect(await bounded(kept(), 'a boot copy')).toMatchObject({
      term: '1',
      snapshot: { cell: CELL, region: CELL, tenants: [{ name: 'acme', keys: [{ id: own.id, revoked: false }] }] },
    });
  });
});
