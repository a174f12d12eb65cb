/** The pods of a chain as the operator starts them: a document, a fence at the host, a probe, NATS. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { CHAIN_FORMAT, tiers, type ChainDocument } from '@reticle/core/domain';
import { planChain } from '@reticle/core/domain/wafer';
import { systemEnv, type ChildExit, type ChildHandle } from '@reticle/core/process';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import {
  ApiClient,
  bounded,
  engineHealth,
  flatChain,
  OracleContext,
  requirePart,
  start,
  turnOf,
} from '../kit/index.ts';
import { CELL, endAll, gateway, host, randomId, serve, type Component } from './bus-rig.ts';

jest.setTimeout(60_000);

const MAIN = join(import.meta.dirname, '../../services/main');
const nats = await requirePart('nats-server');
const chain = { ...flatChain(2_000), wafers: 3 };
const engine = host();
const door = gateway();

/** One process of the chain; a forked process without a supervisor's orders. */
class Pod {
  readonly handle: ChildHandle;
  readonly lines: string[] = [];

  constructor(file: string, args: readonly string[]) {
    this.handle = systemEnv().spawn.fork(join(MAIN, file), args, { output: (_, line) => this.lines.push(line) });
    pods.add(this);
    void this.handle.exited.then(() => pods.delete(this));
  }

  get exited(): Promise<ChildExit> {
    return bounded(this.handle.exited, () => `the end of a pod; it said ${this.lines.join('\n')}`);
  }
}

const pods = new Set<Pod>();
let folder = '';
let natsUrl = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reticle-pods-'));
  if (nats === undefined) return;
  natsUrl = (await serve(nats, [engine, door] satisfies Component[])).url;
  await writeFile(join(folder, 'nats.seed'), engine.seed);
  await writeFile(join(folder, 'engine.key'), randomBytes(32).toString('hex'));
  await writeFile(join(folder, 'hosts'), [0, 1, 2].map((stage) => `127.0.7.${stage + 1} pod-${stage}`).join('\n'));
});

afterEach(async () => {
  const all = [...pods];
  for (const { handle } of all) handle.kill('SIGKILL');
  await Promise.all(all.map(({ handle }) => handle.exited));
});

afterAll(async () => {
  await endAll();
  await rm(folder, { recursive: true, force: true });
});

function documentOf(over: { waferEpoch?: number; tokensPerSecond?: number } = {}): ChainDocument {
  const { waferEpoch = 1, tokensPerSecond = 1_900 } = over;
  const planned = planChain({ geometry: chain.geometry, profile: chain.profile, wafers: chain.wafers });
  return {
    format: CHAIN_FORMAT,
    replica: { namespace: 'models', name: 'spark-0', uid: 'u-1', epoch: 1, engineId: engine.engineId },
    planDigest: `sha256:${'0'.repeat(64)}`,
    region: CELL,
    chain,
    tokensPerSecond,
    stages: (planned?.stages ?? []).map(({ firstLayer, layers }, stage) => ({
      stage,
      wafer: `wafer-${stage}`,
      hardwareId: `cs-${stage}`,
      waferEpoch,
      firstLayer,
      lastLayer: firstLayer + layers - 1,
      programId: `${stage}`.repeat(64),
      host: `pod-${stage}`,
    })),
  };
}

type ChainRun = { readonly port: number; readonly state: string; readonly document?: unknown };

async function podOf(stage: number, { port, state, document = documentOf() }: ChainRun): Promise<Pod> {
  const plan = join(folder, `plan-${randomId()}.json`);
  await writeFile(plan, typeof document === 'string' ? document : JSON.stringify(document));
  const places = ['--plan', plan, '--wafer-state', state, '--keys', folder, '--hosts', join(folder, 'hosts')];
  const own = ['--stage', `${stage}`, '--bind', `127.0.7.${stage + 1}`, '--port', `${port}`, '--nats', natsUrl];
  return new Pod('pod/pod-engine.ts', [...places, ...own]);
}

async function freshRun(): Promise<ChainRun> {
  return { port: await systemEnv().net.freePort('127.0.7.1', 0), state: join(folder, randomId()) };
}

async function gatewayClient(): Promise<ApiClient> {
  const pepper = randomBytes(32);
  const { key, id, secret } = mintApiKey(systemEnv().random, 'test');
  const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
  const config = {
    gatewayId: randomId(),
    region: CELL,
    host: '127.0.0.1',
    grpcPort: 0,
    keys: [{ id, hmacs, tenant: 'acme', models: [], tiers, defaultTier: 'ultrafast' as const }],
    pepper,
    cellKeys: [{ kid: 'k1', key: randomBytes(32) }],
    nats: { servers: [natsUrl], seed: door.seed },
  };
  const pod = new Pod('gateway.ts', []);
  const ready = Promise.withResolvers<number>();
  const serving = Promise.withResolvers<void>();
  pod.handle.onMessage((message) => {
    const report = message as { kind: string; port?: number; models?: string[] };
    if (report.kind === 'gateway-ready') ready.resolve(report.port ?? 0);
    if (report.models?.includes(chain.servedName) === true) serving.resolve();
  });
  pod.handle.send({ kind: 'gateway-config', config });
  const said = () => `a gateway that serves; it said ${pod.lines.join('\n')}`;
  const port = await bounded(ready.promise, said);
  await bounded(serving.promise, said);
  return new ApiClient({ address: `127.0.0.1:${port}`, key, model: chain.servedName });
}

(nats === undefined ? describe.skip : describe)('the pods of a chain', () => {
  test('serve once the probe has gone round, say so, and do not once a stage is gone', async () => {
    const run = await freshRun();
    const [head, stage1] = [await podOf(0, run), await podOf(1, run)];
    const health = engineHealth(`127.0.7.1:${run.port}`);
    // Stage 2 is missing still: the head waits for it, and serves nobody.
    expect(await health.now()).not.toBe('SERVING');
    await podOf(2, run);
    await bounded(health.until('SERVING'), () => `health; it said ${head.lines.join('\n')}`);
    const client = await gatewayClient();
    const { stream } = await client.open();
    const turn = turnOf('t1', 300);
    const checker = stream.check('t1', OracleContext.root(chain).turn(turn));
    stream.send(start(turn));
    expect(await stream.until('turnStarted')).toMatchObject({ replica: engine.engineId });
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 300 });
    expect(checker.faults()).toEqual([]);
    stage1.handle.kill('SIGKILL');
    await bounded(health.until('NOT_SERVING'), () => `health; it said ${head.lines.join('\n')}`);
    client.close();
    health.close();
  });

  test('drain on SIGTERM and end with 0', async () => {
    const run = await freshRun();
    const all = await Promise.all([0, 1, 2].map((stage) => podOf(stage, run)));
    const health = engineHealth(`127.0.7.1:${run.port}`);
    await bounded(health.until('SERVING'), () => 'health');
    health.close();
    for (const { handle } of all) handle.kill('SIGTERM');
    expect(await Promise.all(all.map(({ exited }) => exited))).toEqual(all.map(() => ({ code: 0, signal: null })));
  });

  test('run on no wafer that a higher epoch has taken, also after that one has ended', async () => {
    const run = await freshRun();
    const later = await podOf(1, { ...run, document: documentOf({ waferEpoch: 2 }) });
    await bounded(engineTaken(later), () => `the later pod; it said ${later.lines.join('\n')}`);
    later.handle.kill('SIGKILL');
    await later.exited;
    const earlier = await podOf(1, { ...run, document: documentOf({ waferEpoch: 1 }) });
    expect(await earlier.exited).toMatchObject({ code: 1 });
    expect(earlier.lines.join()).toContain('epoch_stale');
  });

  test('serve nobody when the chain is slower than planned', async () => {
    const run = { ...(await freshRun()), document: documentOf({ tokensPerSecond: 2_500 }) };
    const [head] = await Promise.all([0, 1, 2].map((stage) => podOf(stage, run)));
    expect(await head?.exited).toMatchObject({ code: 1 });
    expect(head?.lines.join()).toContain('the chain is slower than planned');
  });

  test.each([
    { name: 'that is no JSON', document: '{', want: 'it is no JSON object' },
    {
      name: 'of another format',
      document: { ...documentOf(), format: 'v9' },
      want: 'known here is reticle.dev/chain.v1',
    },
    {
      name: 'whose layers its model does not have there',
      document: { ...documentOf(), stages: documentOf().stages.map((stage) => ({ ...stage, lastLayer: 1 })) },
      want: 'its layers are not those that its model has on its wafers',
    },
  ])('refuse a document $name, and take no wafer', async ({ document, want }) => {
    const run = await freshRun();
    const pod = await podOf(1, { ...run, document });
    expect(await pod.exited).toMatchObject({ code: 1 });
    expect(pod.lines.join()).toContain(want);
    expect(await systemEnv().disk.exists(run.state)).toBe(false);
  });
});

/** Resolves when a stage has taken its wafer and serves. */
async function engineTaken({ lines }: Pod): Promise<void> {
  while (!lines.some((line) => line.includes('stage serves'))) await new Promise((resolve) => setTimeout(resolve, 10));
}
