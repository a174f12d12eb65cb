/** The local platform as real processes: it serves, it leaves none behind, and it starts lost ones again (P21). */
import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { LocalChain, LocalPlatformState } from '@reticle/core/domain';
import { Client, credentials } from '@grpc/grpc-js';
import type { LinkResponse } from '@reticle/proto/gen/engine/v1/LinkResponse';
import { linkServiceDefinition } from '@reticle/proto/load';
import { requirePart } from '../kit/parts.ts';
import { ApiClient, bounded, flatChain, OracleContext, randomId, start, statuses, turnOf } from '../kit/index.ts';

const natsServer = await requirePart('nats-server');

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(40_000);

const SUPERVISOR = join(import.meta.dirname, '../../services/main/platform.ts');
const LOOK_MS = 20;

type Report = { readonly kind: string; readonly state?: LocalPlatformState; readonly message?: string };

/** A forked supervisor and everything it said. */
class Supervisor {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly chain: LocalChain;
  readonly errors: string[] = [];
  readonly progress: string[] = [];
  readonly #ready = Promise.withResolvers<LocalPlatformState>();
  readonly #heard: (() => void)[] = [];

  constructor(chain: LocalChain, nats: string) {
    this.chain = chain;
    this.child = fork(SUPERVISOR, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.exited = once(this.child, 'exit');
    for (const output of [this.child.stdout, this.child.stderr]) {
      output?.on('data', (text: Buffer) => this.errors.push(text.toString()));
    }
    this.child.on('message', (message) => this.#hear(message as Report & { text?: string }));
    this.child.send({
      kind: 'platform-spec',
      spec: { region: 'test-1', host: '127.0.0.1', grpcPort: 0, httpPort: 0, chains: [chain], nats },
    });
  }

  ready(): Promise<LocalPlatformState> {
    return bounded(this.#ready.promise, () => `a ready platform; it said ${this.#said()}`);
  }

  /** Resolves when a progress line was told so often. */
  async told(text: string, times: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.progress.filter((line) => line.startsWith(text)).length >= times) resolve();
    };
    this.#heard.push(look);
    look();
    await bounded(promise, () => `"${text}" ${times} times; it said ${this.#said()}`);
  }

  #hear(report: Report & { text?: string }): void {
    if (report.text !== undefined) this.progress.push(report.text);
    if (report.kind === 'platform-ready' && report.state !== undefined) this.#ready.resolve(report.state);
    if (report.kind === 'platform-failed') this.#ready.reject(new Error(report.message));
    for (const look of this.#heard) look();
  }

  #said(): string {
    return JSON.stringify([...this.progress, ...this.errors]);
  }
}

const started: { pids: Set<number> }[] = [];
const clients: ApiClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  // Only what a failed test has left behind, by the ids it was told.
  for (const { pids } of started.splice(0)) for (const pid of pids) if (runs(pid)) process.kill(pid, 'SIGKILL');
});

async function platform(nats = 'none') {
  const supervisor = new Supervisor(flatChain(2_000), nats);
  const pids = new Set([supervisor.child.pid ?? 0]);
  started.push({ pids });
  const state = await supervisor.ready();
  for (const { pid } of state.processes) pids.add(pid);
  const client = new ApiClient({ address: state.grpc, key: state.apiKey, model: 'spark-ref' });
  clients.push(client);
  return { supervisor, state, pids, client };
}

/** Whether a process exists; a zombie, which waits only to be collected, does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** Linux tells in /proc; elsewhere orphans are collected at once. */
function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''));
  } catch {
    return false;
  }
}

/** The system has no event for the end of a process that is not one's child, so its table is looked at. */
async function gone(pids: ReadonlySet<number>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (![...pids].some(runs)) resolve();
  }, LOOK_MS);
  const left = (): string => `no process left of ${[...pids].join(' ')}; ${[...pids].filter(runs).join(' ')} run`;
  await bounded(promise, left).finally(() => clearInterval(timer));
}

/** Id of a process's session; a terminal signals those of its own. */
async function sessionOf(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'sid=', '-p', String(pid)]);
  return Number(stdout);
}

async function turn(client: ApiClient, chain: LocalChain, turnId: string) {
  const { stream } = await client.open();
  const asked = turnOf(turnId, 300);
  const checker = stream.check(turnId, OracleContext.root(chain).turn(asked));
  stream.send(start(asked));
  const ended = await stream.untilEnded(turnId);
  return { stream, ended, faults: checker.faults() };
}

/** What an engine says of itself on a link. */
async function replicaEpoch(address: string): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = linkServiceDefinition().Link;
  const client = new Client(address, credentials.createInsecure());
  const link = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  link.on('error', () => {});
  link.write({ hello: { protocol: 1, gatewayId: randomId(), incarnation: randomId(), region: 'test-1' } });
  const [answer] = (await bounded(once(link, 'data'), 'Welcome of the engine')) as [LinkResponse];
  link.cancel();
  client.close();
  return Number(answer.welcome?.replicaEpoch);
}

describe('the local platform', () => {
  test.each([
    { name: 'SIGTERM', end: (child: ChildProcess) => child.kill('SIGTERM') },
    { name: 'platform-stop', end: (child: ChildProcess) => child.send({ kind: 'platform-stop' }) },
    { name: 'the end of the channel to whoever started it', end: (child: ChildProcess) => child.disconnect() },
    { name: 'SIGKILL of the supervisor', end: (child: ChildProcess) => child.kill('SIGKILL') },
  ])('serves a turn; $name leaves no process', async ({ end }) => {
    const { supervisor, state, pids, client } = await platform();
    expect(state.models).toEqual(['spark-ref']);
    expect(state.processes.map(({ role }) => role).toSorted()).toEqual(['engine', 'gateway']);
    const { ended, faults } = await turn(client, supervisor.chain, 't1');
    expect(ended).toMatchObject({ status: statuses.incomplete, endOffset: 300 });
    expect(faults).toEqual([]);
    expect([...pids].every(runs)).toBe(true);
    end(supervisor.child);
    await bounded(supervisor.exited, 'the end of the supervisor');
    await gone(pids);
  });

  test('tells the metrics of each process at an address of its own, without a key', async () => {
    const { supervisor, state, pids, client } = await platform();
    const addresses = state.processes.map(({ metrics = '' }) => metrics);
    expect(new Set(addresses).size).toBe(2);
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 20)));
    await stream.untilEnded('t1');
    const of = async (role: string): Promise<string> => {
      const address = state.processes.find((each) => each.role === role)?.metrics ?? '';
      return (await fetch(address)).text();
    };
    expect(await of('gateway')).toContain('\nreticle_tokens_delivered_total{tier="ultrafast"} 20\n');
    expect(await of('engine')).toContain('\nreticle_engine_tokens_generated_total 20\n');
    expect(await of('engine')).toMatch(/\nreticle_engine_turns_ended_total\{status="incomplete"\} 1\n/);
    supervisor.child.kill('SIGTERM');
    await supervisor.exited;
    await gone(pids);
  });

  test('none of them ends at a SIGINT, which a terminal sends to all', async () => {
    const { supervisor, state, pids, client } = await platform();
    for (const { pid } of state.processes) process.kill(pid, 'SIGINT');
    supervisor.child.kill('SIGINT');
    const { faults } = await turn(client, supervisor.chain, 't1');
    expect(faults).toEqual([]);
    expect([...pids].every(runs)).toBe(true);
    supervisor.child.kill('SIGTERM');
    await gone(pids);
  });

  (natsServer === undefined ? test.skip : test)('its nats-server ends with it, and at no SIGINT', async () => {
    const { supervisor, state, pids, client } = await platform('embedded');
    const server = state.processes.find(({ role }) => role === 'nats')?.pid ?? 0;
    expect(await sessionOf(server)).toBe(server);
    const { faults } = await turn(client, supervisor.chain, 't1');
    expect([faults, runs(server)]).toEqual([[], true]);
    supervisor.child.kill('SIGKILL');
    await bounded(supervisor.exited, 'the end of the supervisor');
    await gone(pids);
  });

  test('a killed engine is started again with a higher replica epoch; its turn goes on, and new sessions are served', async () => {
    const { supervisor, state, pids, client } = await platform();
    const { stream } = await turn(client, supervisor.chain, 't1');
    const before = (await stream.until('turnStarted')).replica;
    const live = await client.open();
    live.stream.send(start(turnOf('live', 60_000)));
    await live.stream.received('live', 10);
    const engine = state.processes.find(({ role }) => role === 'engine')?.pid ?? 0;
    process.kill(engine, 'SIGKILL');
    const moved = await live.stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(moved).toMatchObject({ turnId: 'live', replica: before });
    await supervisor.told('engine ready', 2);
    const [first, second] = supervisor.progress.filter((line) => line.startsWith('engine ready'));
    expect(second).not.toBe(first);
    expect(await replicaEpoch(second?.split(' ').at(-1) ?? '')).toBe(2);
    const again = await sessionSoon(client);
    const { stream: next } = await client.attach({ sessionId: again });
    next.send(start(turnOf('t2', 50)));
    expect(await next.untilEnded('t2')).toMatchObject({ endOffset: 50 });
    expect((await next.until('turnStarted')).replica).toBe(before);
    supervisor.child.kill('SIGTERM');
    await gone(pids);
  });
});

/** A session once the gateway has heard of an engine; until then it says `no_capacity` and when to ask again. */
async function sessionSoon(client: ApiClient): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const ask = async (): Promise<void> => {
    const answer = await client.call<{ session: { sessionId: string } }>('CreateSession', {
      requestId: `r${process.hrtime.bigint()}`,
      model: 'spark-ref',
    });
    if (answer.response !== undefined) resolve(answer.response.session.sessionId);
    else if (answer.retryDelayMs === undefined) reject(new Error(`refused for good: ${answer.code}`));
    else setTimeout(() => void ask().catch(reject), answer.retryDelayMs);
  };
  await ask();
  return bounded(promise, 'a session on the engine that was started again');
}
