/** A local platform whose bus is a real nats-server: its own, which dies, and one that was there before. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { systemClock } from '@reticle/core/process';
import { startNatsServer, type NatsServer } from '@reticle/services/bus';
import {
  bounded,
  flatChain,
  modes,
  outcomes,
  randomId,
  statuses,
  type ApiClient,
  type SignalTurnResponse,
} from '../kit/index.ts';
import { requirePart } from '../kit/parts.ts';
import { endAll, gateway, owned, serve } from './bus-rig.ts';
import { isHeldAt, RealPlatform, type Live } from './platform-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const path = await requirePart('nats-server');
const describeReal = path === undefined ? describe.skip : describe;

/** Far more than are told here: turns end by a control. */
const TOKENS = 60_000;
const chain = flatChain(300);

let state = '';
let platform: RealPlatform | undefined;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'reticle-state-'));
});
afterEach(async () => {
  await platform?.[Symbol.asyncDispose]();
  platform = undefined;
  await endAll();
});
afterAll(() => rm(state, { recursive: true }));

function started(nats: string, gateways = 1): RealPlatform {
  platform = new RealPlatform({ chains: [chain], gateways, nats }, { XDG_STATE_HOME: state });
  return platform;
}

/** A client whose connection is at another worker than the session. */
function elsewhere(at: RealPlatform, { sessionId }: Live): Promise<ApiClient> {
  const seek = async (): Promise<ApiClient> => {
    for (;;) {
      const client = at.client();
      if (!(await isHeldAt(client, sessionId))) return client;
      client.close();
    }
  };
  return bounded(seek(), 'a connection to the other worker');
}

const cut = () => ({ turnId: 't1', mode: modes.keepGenerated, signalId: randomId() });

/** Interrupts by the session's id alone, which only the bus can find, until it is found. */
function interruptById(client: ApiClient, sessionId: string): Promise<SignalTurnResponse> {
  const ask = async (): Promise<SignalTurnResponse> => {
    for (;;) {
      const { response, code } = await client.call<SignalTurnResponse>('SignalTurn', { sessionId, interrupt: cut() });
      if (response !== undefined) return response;
      expect(code).toBe('session_not_found');
    }
  };
  return bounded(ask(), 'an interrupt that finds its session');
}

async function endedBy({ ack }: SignalTurnResponse, { stream, checker }: Live): Promise<void> {
  expect(ack).toMatchObject({ outcome: outcomes.applied });
  const ended = await stream.untilEnded('t1');
  expect(ended).toMatchObject({ status: statuses.interrupted, endOffset: ack?.effectiveOffset });
  expect(checker.faults()).toEqual([]);
}

const byToken = (client: ApiClient, { resumeToken }: Live) =>
  client.ask<SignalTurnResponse>('SignalTurn', { resumeToken, interrupt: cut() });

/** A turn of a new session runs, and ends. */
async function served(at: RealPlatform): Promise<void> {
  const live = await at.live(TOKENS, 20);
  await endedBy(await byToken(live.client, live), live);
}

describeReal('a platform with a nats-server of its own', () => {
  test('it carries presence and look-ups; frozen or dead it stops no turn and no interrupt; it comes back on its port', async () => {
    const it = started('embedded', 2);
    await it.ready();
    const [pid] = it.pids('nats') as [number];
    const [first, second, third] = (await Promise.all([
      it.live(TOKENS, 20),
      it.live(TOKENS, 20),
      it.live(TOKENS, 20),
    ])) as [Live, Live, Live];
    await endedBy(await interruptById(await elsewhere(it, first), first.sessionId), first);

    const other = await elsewhere(it, second);
    process.kill(pid, 'SIGSTOP');
    await second.stream.received('t1', second.checker.position + 50);
    await endedBy(await byToken(other, second), second);

    const another = await elsewhere(it, third);
    process.kill(pid, 'SIGKILL');
    await third.stream.received('t1', third.checker.position + 50);
    await endedBy(await byToken(another, third), third);

    await it.runs('nats', 1, [pid]);
    const fourth = await it.live(TOKENS, 20);
    await endedBy(await interruptById(await elsewhere(it, fourth), fourth.sessionId), fourth);

    const { sessionId } = fourth;
    const closing = await elsewhere(it, fourth);
    await closing.ask('CloseSession', { sessionId });
    await bounded(fourth.stream.ended(), 'the end of the stream at the other worker');
    expect(await Promise.all([closing, fourth.client].map((each) => isHeldAt(each, sessionId)))).toEqual([
      false,
      false,
    ]);
    expect((await closing.call('CloseSession', { sessionId })).code).toBe('session_not_found');
  });

  test('members that are started again are its users as before', async () => {
    const it = started('embedded');
    await it.ready();
    const [old] = it.pids('gateway') as [number];
    const [engine] = it.pids('engine') as [number];
    process.kill(old, 'SIGKILL');
    process.kill(engine, 'SIGKILL');
    await it.told('gateway listens', 2);
    await it.told('engine ready', 2);
    await it.told('serving', 2);
    await served(it);
  });
});

describeReal('a platform with a nats-server that was there before', () => {
  test('takes one that lets everyone in', async () => {
    const open = await opened();
    const it = started(open.url);
    const { processes } = await it.ready();
    expect(processes.map(({ role }) => role).toSorted()).toEqual(['engine', 'gateway']);
    await served(it);
  });

  test('says which users a server lacks that refuses it, and is taken when it has them', async () => {
    const strict = await serve(path ?? '', [gateway()]);
    const refused = started(strict.url);
    const file = join(state, 'reticle', 'nats-server.conf');
    await expect(refused.ready()).rejects.toThrow(`the NATS server at ${strict.url} refuses the keys of this platform`);
    await refused[Symbol.asyncDispose]();
    await strict.stop();

    const configText = await readFile(file, 'utf8');
    expect(configText.match(/nkey: U/g)).toHaveLength(2);
    expect(configText).not.toMatch(/\bSU[A-Z2-7]{20}/);
    expect((await stat(join(state, 'reticle', 'nats.secret'))).mode & 0o777).toBe(0o600);
    const told = owned(await startNatsServer({ path: path ?? '', configText, clock: systemClock }));
    expect(told.port).toBe(strict.port);
    const it = started(told.url);
    await it.ready();
    await served(it);
  });

  test('says so when none answers', async () => {
    const gone = await opened();
    await gone.stop();
    await expect(started(gone.url).ready()).rejects.toThrow(`no NATS server answers at ${gone.url}`);
  });
});

/** A server without users. */
async function opened(): Promise<NatsServer> {
  const configText = 'host: "127.0.0.1"\nport: -1\n';
  return owned(await startNatsServer({ path: path ?? '', configText, clock: systemClock }));
}
