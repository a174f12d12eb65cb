/** A chain whose stages are processes of their own: the ring ping, its break, and the epoch fence (WAFER §6.5). */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { base32, RANDOM_ID_BYTES, tiers } from '@reticle/core/domain';
import { systemEnv, type ChildHandle } from '@reticle/core/process';
import { BusHub } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import { ringBrokenAfterMs } from '@reticle/services/engine/stage';
import type { EngineConfig, GatewayConfig, StageConfig, StagePlan } from '@reticle/services/main';
import {
  ApiClient,
  bounded,
  flatChain,
  interrupt,
  modes,
  OracleContext,
  start,
  statuses,
  turnOf,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const MAIN = join(import.meta.dirname, '../../services/main');
const [REGION, HOST] = ['test-1', '127.0.0.1'];
/** Far more than are told here: the turn must outlast the start of an engine. */
const TOKENS = 60_000;
const FAILOVER = 6;
const chain = flatChain(1_000);
const cellKeys = [{ kid: 'k1', key: randomBytes(32) }];
const newId = () => base32(randomBytes(RANDOM_ID_BYTES));

type Order =
  | { readonly kind: 'stage-config'; readonly config: StageConfig }
  | { readonly kind: 'engine-config'; readonly config: EngineConfig }
  | { readonly kind: 'gateway-config'; readonly config: GatewayConfig };
type Report = { readonly kind: string; readonly port?: number; readonly models?: string[]; readonly message?: string };

const running = new Set<Child>();
const hub = new BusHub();

afterEach(async () => {
  await Promise.all([...running].map((child) => child.end()));
});

/** A supervised process and what it reports. */
class Child {
  readonly #handle: ChildHandle;
  readonly #lines: string[] = [];
  readonly #reports: { readonly report: Report; readonly atMs: number }[] = [];
  readonly #looks = new Set<() => void>();

  constructor(order: Order) {
    const file = join(MAIN, `${order.kind.replace('-config', '')}.ts`);
    this.#handle = systemEnv().spawn.fork(file, [], { output: (_, line) => this.#heard(line) });
    const leave = hub.join(this.#handle);
    void this.#handle.exited.then(() => {
      leave();
      running.delete(this);
    });
    this.#handle.onMessage((message) => {
      this.#reports.push({ report: message as Report, atMs: performance.now() });
      this.#look();
    });
    this.#handle.send(order);
    running.add(this);
  }

  async report(kind: string, where: (report: Report) => boolean = () => true): Promise<Report> {
    const found = () => this.#reports.find(({ report }) => report.kind === kind && where(report))?.report;
    await this.#until(() => found() !== undefined, kind);
    return found() as Report;
  }

  /** Resolves when it has logged a line with this in it. */
  async logged(text: string): Promise<void> {
    await this.#until(() => this.#lines.some((line) => line.includes(text)), `a log line "${text}"`);
  }

  kill(): void {
    this.#handle.kill('SIGKILL');
  }

  async end(): Promise<void> {
    this.kill();
    await this.#handle.exited;
  }

  #heard(line: string): void {
    this.#lines.push(line);
    this.#look();
  }

  #look(): void {
    for (const look of this.#looks) look();
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => met() && resolve();
    this.#looks.add(look);
    look();
    const said = () => JSON.stringify([this.#reports.map(({ report }) => report), this.#lines]);
    await bounded(promise, () => `${what}; it said ${said()}`).finally(() => this.#looks.delete(look));
  }
}

const planOf = (stage: number, epoch = 1): StagePlan => ({
  stage,
  programId: `${stage}`.repeat(64),
  hardwareId: `wafer-${stage}`,
  epoch,
  host: HOST,
});

/** A stage process, and what its leader must know of it. */
async function stageOf(plan: StagePlan, port = 0) {
  const child = new Child({ kind: 'stage-config', config: { ...plan, port } });
  const { port: bound = 0 } = await child.report('stage-ready');
  return { child, plan: { ...plan, port: bound } };
}

function engineOf(stages?: NonNullable<EngineConfig['stages']>): { readonly child: Child; readonly engineId: string } {
  const engineId = newId();
  const signalKeys = engineSignalKeys(cellKeys, engineId);
  const config = { engineId, region: REGION, host: HOST, replicaEpoch: 1, chain, signalKeys };
  return { engineId, child: new Child({ kind: 'engine-config', config: { ...config, ...(stages && { stages }) } }) };
}

async function gatewayClient() {
  const pepper = randomBytes(32);
  const { key, id, secret } = mintApiKey(systemEnv().random, 'test');
  const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
  const keys = [{ id, hmacs, tenant: 'acme', models: [], tiers, defaultTier: 'ultrafast' as const }];
  const config = { gatewayId: newId(), region: REGION, host: HOST, grpcPort: 0, keys, pepper, cellKeys };
  const gateway = new Child({ kind: 'gateway-config', config });
  const { port } = await gateway.report('gateway-ready');
  await gateway.report('gateway-models', ({ models }) => models?.includes(chain.servedName) === true);
  return new ApiClient({ address: `${HOST}:${port}`, key, model: chain.servedName });
}

const threeStages = () => Promise.all([1, 2, 3].map((stage) => stageOf(planOf(stage))));

describe('a chain of stage processes', () => {
  test('SIGKILL of a stage breaks it, and its live turn goes on at another engine, exactly', async () => {
    const stages = await threeStages();
    const leader = engineOf(stages.map(({ plan }) => plan));
    await leader.child.report('engine-ready');
    const client = await gatewayClient();
    const { stream } = await client.open();
    const turn = turnOf('t1', TOKENS);
    const checker = stream.check('t1', OracleContext.root(chain).turn(turn));
    stream.send(start(turn));
    expect(await stream.until('turnStarted')).toMatchObject({ replica: leader.engineId });
    const other = engineOf();
    await other.child.report('engine-ready');
    await stream.received('t1', 200);

    stages[0]?.child.kill();
    const killedAtMs = performance.now();
    await leader.child.logged('stage 1 does not answer');
    const brokenMs = performance.now() - killedAtMs;
    const moved = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    const movedMs = performance.now() - killedAtMs;
    expect(moved).toMatchObject({ turnId: 't1', replica: other.engineId, reason: FAILOVER });
    await stream.received('t1', moved.startOffset + 500);
    stream.send(interrupt('t1', { mode: modes.keepGenerated }));
    expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.interrupted });
    expect(checker.faults()).toEqual([]);
    expect(stream.log.all('turnEnded')).toHaveLength(1);
    process.stderr.write(`stage killed: chain broken after ${Math.round(brokenMs)} ms, `);
    process.stderr.write(`turn at the other engine after ${Math.round(movedMs)} ms\n`);
    // It cannot be sooner than the missed pings allow, one interval of phase left out.
    expect(brokenMs).toBeGreaterThan(ringBrokenAfterMs / 2);
    client.close();
  });

  test('a leader of a lower epoch is refused by its stages, and the one they serve is not disturbed', async () => {
    const { plan, child: stage } = await stageOf(planOf(1, 2));
    const leader = engineOf([plan]);
    await leader.child.report('engine-ready');
    const predecessor = engineOf([{ ...plan, epoch: 1 }]);
    expect(await predecessor.child.report('failed')).toMatchObject({ message: 'stage 1 has epoch 2' });
    await stage.logged('a leader of another chain asked');
    const client = await gatewayClient();
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 300)));
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 300 });
    client.close();
  });

  test.each([
    { name: 'of a lower epoch', change: { epoch: 1 }, wantMessage: 'stage 2 has epoch 1' },
    { name: 'of another place', change: { stage: 5 }, wantMessage: 'stage 2 is stage 5' },
  ])('a stage $name keeps the engine from starting', async ({ change, wantMessage }) => {
    const wrong = await stageOf({ ...planOf(2, 2), ...change });
    const { child } = engineOf([{ ...planOf(2, 2), port: wrong.plan.port }]);
    expect(await child.report('failed')).toMatchObject({ message: wantMessage });
  });
});
