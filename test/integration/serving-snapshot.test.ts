/** What an operator publishes, as clients of a gateway feel it: over a real NATS server (OPERATOR §16). */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { memoryLogger, systemClock, systemEnv, systemRandom } from '@reticle/core/process';
import { resources } from '@reticle/operator/cluster';
import { cellField, startServing, type RunningServing, type ServingObject } from '@reticle/operator/publish';
import { committed, deployment, DIGEST, pool, tenant } from '@reticle/operator/publish/kit';
import { limits } from '@reticle/proto/contract';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import { unpackSnapshot } from '@reticle/proto/serving';
import { LocalBus } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import { startEngine, startGateway, type RunningEngine, type RunningGateway } from '@reticle/services/main';
import { ApiClient, bounded, flatChain, HttpClient, randomId, start, turnOf } from '../kit/index.ts';
import { FakeApiServer } from '../kit/kube/fake-api-server.ts';
import { requirePart } from '../kit/parts.ts';
import { CELL, endAll, gateway, host, operator, serve, watchedBus } from './bus-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const path = await requirePart('nats-server');
const describeReal = path === undefined ? describe.skip : describe;

const REF = { namespace: 'kube-system', name: 'reticle-serving' };
const EPOCH = 3;
const MODEL = 'spark';
const cellKeys = [{ kid: 'k1', key: randomBytes(32) }];
const pepper = randomBytes(32);
const own = mintApiKey(systemRandom, 'test');
const keys = [{ id: own.id, hmacs: [Buffer.from(hmacOfSecret(pepper, own.secret)).toString('hex')] }];
const env = systemEnv();
const regions = [{ region: CELL, replicas: 1 }];
const chain = { ...flatChain(400, { servedName: MODEL }), modelDigest: DIGEST };

const here = pool('p1', { region: CELL });
const spark = deployment(MODEL, { regions, tiers: undefined });
const acme = tenant('acme', { keys });
const replica = (change: Parameters<typeof committed>[1] = {}) =>
  committed('spark-a', { ...change, spec: { region: CELL, ...change?.spec } });
const scene = (): ServingObject[] => [here, spark, acme, replica()];

/** What a gateway finds in its mounted ConfigMap. */
async function copyOf(api: FakeApiServer, isIt: (snapshot: ServingSnapshot) => boolean): Promise<string> {
  for (;;) {
    const read = await api.get(resources.configMap, REF);
    const data = read.ok ? (read.value['data'] as Record<string, string>) : {};
    const text = data[cellField(CELL)] ?? '';
    const { ok } = unpackSnapshot(text);
    if (ok !== undefined && isIt(ok)) return `${text}\n`;
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
  }
}

describeReal('a cell behind an operator', () => {
  let caches: { now: readonly ServingObject[]; told: () => void };
  let publisher: RunningServing | undefined;
  let engine: RunningEngine;
  let door: RunningGateway;
  let client: ApiClient;
  let http: HttpClient;
  let folder = '';
  let bootCopy: (isIt?: (snapshot: ServingSnapshot) => boolean) => Promise<string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reticle-serving-'));
  });
  beforeEach(async () => {
    const parts = { operator: operator(), door: gateway(), engine: host() };
    const server = await serve(path ?? '', Object.values(parts));
    const busOf = async (part: keyof typeof parts) => (await watchedBus(server.url, parts[part])).bus;
    caches = { now: scene(), told: () => {} };
    const api = new FakeApiServer({ clock: systemClock });
    const started = await startServing({
      kube: api,
      clock: systemClock,
      log: memoryLogger(),
      source: {
        fresh: true,
        objects: () => caches.now,
        onChange: (told) => ((caches.told = told), () => (caches.told = () => {})),
      },
      ref: REF,
      heads: { engineId: () => parts.engine.engineId, port: 7_400 },
      cells: [{ cell: { name: CELL, region: CELL }, bus: await busOf('operator') }],
    });
    if (!started.ok) throw new Error(started.failure.message);
    publisher = started.value;
    bootCopy = (isIt = () => true) => copyOf(api, isIt);
    engine = await startEngine(
      {
        engineId: parts.engine.engineId,
        region: CELL,
        host: '127.0.0.1',
        replicaEpoch: EPOCH * limits.startsPerEpochMax,
        chain,
        signalKeys: engineSignalKeys(cellKeys, parts.engine.engineId),
      },
      { env, bus: await busOf('engine'), logger: memoryLogger() },
    );
    door = await startGateway(configOf(), { env, bus: await busOf('door'), logger: memoryLogger() });
    client = new ApiClient({ address: `127.0.0.1:${door.port}`, key: own.key, model: MODEL });
    http = new HttpClient(`http://127.0.0.1:${door.httpPort}`, own.key);
  });
  afterEach(async () => {
    client.close();
    publisher?.stop();
    await door.close(0);
    await engine.close(0, 'test_over');
    await endAll();
  });
  afterAll(() => rm(folder, { recursive: true }));

  function configOf(more: { readonly bootFile?: string } = {}) {
    const ports = { host: '127.0.0.1', grpcPort: 0, httpPort: 0 };
    return {
      gatewayId: randomId(),
      region: CELL,
      ...ports,
      keys: [],
      pepper,
      cellKeys,
      serving: { cell: CELL, ...more },
    };
  }

  function put(...objects: readonly ServingObject[]): void {
    caches.now = objects;
    caches.told();
  }

  /** What a new session is told, once it is this. */
  async function untilRefused(code: string, create: object = {}) {
    const ask = async () => {
      for (;;) {
        const outcome = await client.call('CreateSession', { requestId: randomId(), model: MODEL, ...create });
        if (outcome.code === code) return outcome;
        await new Promise<void>((resolve) => systemClock.after(20, resolve));
      }
    };
    return bounded(ask(), `the refusal ${code}`);
  }

  async function untilStatus(at: HttpClient, status: number): Promise<void> {
    while ((await at.get('/v1/models')).status !== status) {
      await new Promise<void>((resolve) => systemClock.after(50, resolve));
    }
  }

  /** The model list names these regions. */
  async function untilServedIn(want: readonly string[]): Promise<void> {
    const ask = async (): Promise<void> => {
      for (;;) {
        const { data } = (await (await http.get('/v1/models')).json()) as {
          data: { reticle: { regions: string[] } }[];
        };
        if (data[0]?.reticle.regions.join(' ') === want.join(' ')) return;
        await new Promise<void>((resolve) => systemClock.after(20, resolve));
      }
    };
    await bounded(ask(), `a model in ${want.join(' and ')}`);
  }

  test('takes keys and routes by it, and says the region in every answer', async () => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 50)));
    expect(await stream.until('turnStarted')).toMatchObject({ region: CELL, modelDigest: DIGEST });
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 50 });
    expect(await (await http.get('/v1/models')).json()).toMatchObject({
      data: [{ id: MODEL, reticle: { regions: [CELL] } }],
    });
  });

  test('P22 a key that is revoked ends its streams, and is refused', async () => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 20_000)));
    await stream.received('t1', 10);
    put(here, spark, replica(), tenant('acme', { keys: [{ ...keys[0], revoked: true }] }));
    expect(await stream.ended()).toMatchObject({ code: 'key_revoked' });
    await untilRefused('key_revoked');
  });

  test('a replica that drains takes nothing new, and finishes what it has', async () => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 400)));
    await stream.received('t1', 10);
    put(here, spark, acme, replica({ status: { phase: 'Draining' } }));
    await untilRefused('no_capacity');
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 400 });
  });

  test.each([
    {
      name: 'another digest',
      change: { spec: { inputs: { ...replica().spec.inputs, modelDigest: `sha256:${'0'.repeat(64)}` } } },
    },
    {
      name: 'another epoch',
      change: { spec: { epoch: 4, fence: { epoch: 4, outcome: 'Committed' } }, status: { observedEpoch: 4 } },
    },
  ])('P27 an engine that the snapshot has with $name is not used', async ({ change }) => {
    await client.createSession();
    put(here, spark, acme, replica(change));
    await untilRefused('no_capacity');
  });

  describe('region and residency', () => {
    const away = pool('e1', { region: 'eu-west', residency: ['eu'] });
    const inBoth = deployment(MODEL, { regions: [...regions, { region: 'eu-west', replicas: 1 }], tiers: undefined });

    test('a tenant that must not be served here is told where it is', async () => {
      put(here, away, inBoth, replica(), tenant('acme', { keys, residency: { inference: ['eu'] } }));
      expect(await untilRefused('residency_violation')).toMatchObject({ facts: { allowed_regions: 'eu-west' } });
    });

    test('a model that must not be served here is refused, whatever the tenant may', async () => {
      put(here, away, { ...inBoth, spec: { ...inBoth.spec, residency: ['eu'] } }, replica(), acme);
      expect(await untilRefused('region_unavailable')).toMatchObject({ facts: { allowed_regions: 'eu-west' } });
    });

    test('regions that the client asks for are served here or named', async () => {
      put(here, away, inBoth, replica(), acme);
      await untilServedIn([CELL, 'eu-west']);
      const asked = await untilRefused('region_unavailable', { allowedRegions: ['eu-west'] });
      expect(asked).toMatchObject({ facts: { allowed_regions: 'eu-west' } });
      const body = { model: MODEL, input: 'Hi', max_output_tokens: 5 };
      const answer = await http.post('/v1/responses', body);
      expect([answer.status, answer.headers.get('x-reticle-region')]).toEqual([200, CELL]);
      expect(answer.headers.get('x-reticle-reason')).toBe('tenant-default');
    });

    test('a model of no deployment is unknown', async () => {
      await client.createSession();
      put(here, deployment('other', { regions, tiers: undefined }), spark, replica(), acme);
      await untilRefused('model_not_found', { model: 'nothing' });
    });
  });

  test('a gateway that nobody answers starts from its boot copy, and keeps it', async () => {
    await client.createSession();
    const bootFile = join(folder, 'serving.txt');
    await writeFile(bootFile, await bounded(bootCopy(), 'a boot copy'));
    const log = memoryLogger();
    const alone = await startGateway(configOf({ bootFile }), { env, bus: new LocalBus(systemClock), logger: log });
    try {
      const at = new HttpClient(`http://127.0.0.1:${alone.httpPort}`, own.key);
      expect((await at.get('/v1/models')).status).toBe(200);
      const refused = await at.post('/v1/responses', { model: 'nothing', input: 'Hi' });
      expect([refused.status, await refused.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }]);
      // Nothing but the file tells it that its key is revoked.
      put(here, spark, replica(), tenant('acme', { keys: [{ ...keys[0], revoked: true }] }));
      await untilRefused('key_revoked');
      await writeFile(
        bootFile,
        await bounded(
          bootCopy(({ tenants }) => tenants[0]?.keys[0]?.revoked === true),
          'a copy',
        ),
      );
      await bounded(untilStatus(at, 401), 'a gateway that has read its copy again');
    } finally {
      await alone.close(0);
    }
  });

  test('a gateway without a readable boot copy says so and starts all the same', async () => {
    const bootFile = join(folder, 'broken.txt');
    await writeFile(bootFile, 'no snapshot');
    const log = memoryLogger();
    const alone = await startGateway(configOf({ bootFile }), { env, bus: new LocalBus(systemClock), logger: log });
    try {
      const at = new HttpClient(`http://127.0.0.1:${alone.httpPort}`, own.key);
      expect((await at.get('/v1/models')).status).toBe(401);
      expect(log.records).toContainEqual(
        expect.objectContaining({ level: 'error', fields: { region: CELL, reason: 'text: not packed' } }),
      );
    } finally {
      await alone.close(0);
    }
  });
});
