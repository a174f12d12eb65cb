import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { systemEnv } from '@reticle/core/process';
import { subjects } from '@reticle/proto/contract';
import { BusError, type NatsServer } from '@reticle/services/bus';
import { bounded } from '../kit/bounded.ts';
import { requirePart } from '../kit/parts.ts';
import { bytes, CELL, endAll, eventually, gateway, host, randomId, serve, text, watchedBus } from './bus-rig.ts';

const natsServer = await requirePart('nats-server');
const path = natsServer ?? '';
const suite = natsServer === undefined ? describe.skip : describe;

const [asking, engine] = [gateway(), host()];
const interrupt = subjects.interrupt(CELL, engine.engineId, randomId());
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    (error: unknown) => error,
  );

/** The threads of a process do not stop all at once: a request that is sent meanwhile may be answered. */
async function firstFailure(ask: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    const outcome = await failure(ask());
    if (outcome !== 'answered') return outcome;
  }
}

/** A gateway that hears presence, and a host that answers; both over one server, which the test may harm. */
async function pair(server: NatsServer, firstConnectMs?: number) {
  const near = await watchedBus(server.url, asking, firstConnectMs);
  const far = await watchedBus(server.url, engine, firstConnectMs);
  const heard: string[] = [];
  near.bus.subscribe(subjects.presenceOfCell(CELL), (payload) => heard.push(text(payload)));
  far.bus.respond(subjects.interruptsOfEngine(CELL, engine.engineId), (payload) => bytes(`cut ${text(payload)}`));
  const announce = (word: string): void => far.bus.publish(subjects.presence(CELL, engine.engineId), bytes(word));
  const flush = async (): Promise<void> => {
    for (const { bus } of [near, far, near]) await bus.flush();
  };
  return { near, far, heard, announce, flush };
}

jest.setTimeout(30_000);
afterEach(endAll);

suite('NATS goes away', () => {
  test('a killed server: publishes vanish, requests fail at once; a new one on the port: all works again', async () => {
    const server = await serve(path, [asking, engine]);
    const { near, far, heard, announce, flush } = await pair(server);
    await flush();
    const silent = subjects.locate(CELL);
    far.bus.respond(silent, () => undefined);
    announce('one');
    await flush();
    const inFlight = failure(near.bus.request(silent, bytes(''), 60_000));
    await near.bus.flush();
    server.kill('SIGKILL');
    expect(await bounded(inFlight, 'the request in flight fails')).toEqual(new BusError('disconnected'));
    await bounded(Promise.all([near.until(false), far.until(false)]), 'both notice');
    announce('lost');
    expect(far.bus.counters.publishesDropped).toBe(1);
    expect(await failure(near.bus.request(interrupt, bytes('x'), 60_000))).toEqual(new BusError('disconnected'));
    expect(await failure(near.bus.flush())).toEqual(new BusError('disconnected'));
    await server.exited;

    await serve(path, [asking, engine], server.port);
    await bounded(Promise.all([near.until(true), far.until(true)]), 'both are back');
    await flush();
    announce('two');
    await flush();
    expect(heard).toEqual(['one', 'two']);
    expect(text(await near.bus.request(interrupt, bytes('s1'), 5_000))).toBe('cut s1');
    expect([near.bus.counters.connects, far.bus.counters.connects]).toEqual([2, 2]);
    expect(near.logger.records.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'warn: the bus is away',
      'info: the bus is there',
    ]);
  });

  test('a frozen server: requests run out of time, then it counts as away; thawed, it is there again', async () => {
    const server = await serve(path, [asking, engine]);
    const { near, far, heard, announce, flush } = await pair(server);
    await flush();
    server.kill('SIGSTOP');
    expect(await firstFailure(() => near.bus.request(interrupt, bytes('x'), 30))).toEqual(new BusError('timeout'));
    expect(near.bus.connected).toBe(true);
    // Three pings of a second each without an answer.
    await bounded(Promise.all([near.until(false), far.until(false)]), 'both notice');
    announce('lost');
    server.kill('SIGCONT');
    await bounded(Promise.all([near.until(true), far.until(true)]), 'both are back');
    await flush();
    announce('kept');
    await flush();
    expect(heard).toEqual(['kept']);
    expect(text(await near.bus.request(interrupt, bytes('s1'), 5_000))).toBe('cut s1');
  });

  test('a start without a server goes on; what was asked for then holds when the server comes', async () => {
    const port = await systemEnv().net.freePort('127.0.0.1', 0);
    const nowhere = { url: `nats://127.0.0.1:${port}` } as NatsServer;
    const { near, far, heard, announce, flush } = await pair(nowhere, 20);
    expect([near.bus.connected, far.bus.connected]).toEqual([false, false]);
    announce('lost');
    expect(await failure(near.bus.request(interrupt, bytes('x'), 60_000))).toEqual(new BusError('disconnected'));
    await serve(path, [asking, engine], port);
    await bounded(Promise.all([near.until(true), far.until(true)]), 'both connect');
    await flush();
    announce('kept');
    await flush();
    expect(heard).toEqual(['kept']);
    expect(text(await near.bus.request(interrupt, bytes('s1'), 5_000))).toBe('cut s1');
  });

  test('a refused key is told once and is no end; when the server knows it, the bus connects', async () => {
    const server = await serve(path, [engine]);
    const { bus, logger, until } = await watchedBus(server.url, asking, 20);
    await bounded(
      eventually(() => bus.counters.authorizationFailures >= 2),
      'the key is refused and tried again',
    );
    expect(bus.connected).toBe(false);
    expect(logger.records).toEqual([
      { level: 'error', message: 'the bus refuses the key of this component', fields: { component: 'bus' } },
    ]);
    await server.stop();
    const knowing = await serve(path, [asking, engine], server.port);
    await bounded(until(true), 'the key is taken');
    await bus.flush();
    // Refused again on a live connection: the library redials, and gives up no more than before.
    await knowing.stop();
    await bounded(until(false), 'it notices');
    const before = bus.counters.authorizationFailures;
    const forgetful = await serve(path, [engine], server.port);
    await bounded(
      eventually(() => bus.counters.authorizationFailures >= before + 3),
      'the key is refused three times',
    );
    await forgetful.stop();
    await serve(path, [asking], server.port);
    await bounded(until(true), 'the key is taken again');
  });

  test.each([
    { name: 'there is no server', withServer: false },
    { name: 'it is connected', withServer: true },
  ])('a bus that is closed while $name stays closed', async ({ withServer }) => {
    const server = await serve(path, [asking, engine]);
    if (!withServer) await server.stop();
    const { bus } = await watchedBus(server.url, asking, 20);
    await bus.close();
    await bus.close();
    bus.publish(subjects.locate(CELL), bytes(''));
    bus.subscribe(subjects.presenceOfCell(CELL), () => {})();
    expect({ connected: bus.connected, dropped: bus.counters.publishesDropped }).toEqual({
      connected: false,
      dropped: 1,
    });
    expect(await failure(bus.request(interrupt, bytes('x'), 60_000))).toEqual(new BusError('disconnected'));
  });
});
